// What a run looks like inside. The browser asks for the latest look about once a second and changes only what is new.
//
// data: { id, view, bases, words, look, sheets }; the look is what vpc2/training/showing.py writes.

const POLL_MS = 1000;
const RETRY_MS = 3000;
const ACROSS = 8; // tiles in a row of a sheet
const MOST_COUNTS = 20; // classes whose confusion is written out in numbers
const AT_REST = new Set(['finished', 'stopped', 'failed', 'interrupted', 'paused']);
const states = new WeakMap();

export default function (component) {
  const { parentElement: root, data } = component;
  let s = states.get(root);
  if (!s) {
    s = { root, step: -1, look: null, isGone: false, id: null };
    states.set(root, s);
  }
  const isOther = s.id !== data.id;
  const isNew = JSON.stringify([s.data?.view, s.data?.words]) !== JSON.stringify([data.view, data.words]);
  s.data = data;
  if (isOther) {
    s.id = data.id;
    s.step = -1;
    s.look = null;
    if (data.look) take(s, data.look, '');
    else poll(s, data.id);
  } else if (data.look) {
    take(s, data.look, '');
  } else if (isNew) {
    draw(s);
  }
  if (!s.look) draw(s);
  return () => {
    s.isGone = true;
    states.delete(root);
  };
}

const sleep = ms => new Promise(done => setTimeout(done, ms));

async function ask(s, id) {
  for (const base of s.data.bases) {
    const answer = await fetch(`${base}/api/runs/${encodeURIComponent(id)}/look?since=${Math.max(s.step, 0)}`, { cache: 'no-store' });
    if (answer.status === 204) return { base, look: null };
    if (answer.status === 404 && (answer.headers.get('content-type') || '').includes('json')) return { base, isLost: true };
    if (!answer.ok || !(answer.headers.get('content-type') || '').includes('json')) continue;
    return { base, look: await answer.json() };
  }
  return undefined;
}

async function poll(s, id) {
  while (!s.isGone && s.id === id) {
    let answer;
    if (!document.hidden && s.root.offsetParent !== null) {
      try {
        answer = await ask(s, id);
      } catch (error) {
        if (!(error instanceof TypeError) && !(error instanceof SyntaxError)) throw error;
      }
      if (s.isGone || s.id !== id || answer?.isLost) return;
      if (answer?.look) {
        if ('step' in answer.look) take(s, answer.look, answer.base);
        if (AT_REST.has(answer.look.state)) {
          s.isOver = true;
          draw(s);
          return;
        }
      }
    }
    await sleep(answer === undefined && !document.hidden ? RETRY_MS : POLL_MS);
  }
}

function take(s, look, base) {
  if (look.step === s.step && s.look) return;
  s.look = look;
  s.step = look.step;
  s.base = base;
  draw(s);
}

// --- drawing

function make(parent, name, className = '', text) {
  const node = document.createElement(name);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text; // text, never markup: a class may be called anything
  parent.appendChild(node);
  return node;
}

const written = (options = {}) => new Intl.NumberFormat(document.documentElement.lang || 'en', options);
const percent = share => `${written({ maximumFractionDigits: 0 }).format(100 * share)} %`;
const three = value => (value === null ? '–' : Math.abs(value) > 0 && (Math.abs(value) < 0.001 || Math.abs(value) >= 10000)
  ? value.toExponential(1) : written({ maximumSignificantDigits: 3 }).format(value));

function draw(s) {
  const { words, view } = s.data, { look } = s;
  const body = s.root.querySelector('.body'), when = s.root.querySelector('.when');
  if (!look) {
    when.textContent = s.isOver ? words.nothing : words.waiting;
    body.replaceChildren();
    return;
  }
  when.textContent = words.when.replace('{epoch}', written().format(look.epoch)).replace('{step}', written().format(look.step));
  const fresh = document.createElement('div');
  VIEWS[view](s, fresh, look, words);
  const scrolled = body.querySelector('.scroll')?.scrollTop || 0;
  body.replaceChildren(...fresh.childNodes);
  const scroll = body.querySelector('.scroll');
  if (scroll) scroll.scrollTop = scrolled;
}

function tiles(s, parent, sheet, count, fill) {
  const grid = make(parent, 'div', 'tiles');
  const address = s.data.sheets[sheet] || `${s.base}/api/runs/${encodeURIComponent(s.id)}/${sheet}.jpg?v=${s.step}`;
  const rows = Math.ceil(count / ACROSS);
  for (let i = 0; i < count; i++) {
    const tile = make(grid, 'div', 'tile');
    const picture = make(tile, 'i');
    picture.style.backgroundImage = `url("${address}")`;
    picture.style.backgroundSize = `${ACROSS * 100}% ${rows * 100}%`;
    picture.style.backgroundPosition = `${(i % ACROSS) * 100 / (ACROSS - 1)}% ${rows > 1 ? Math.floor(i / ACROSS) * 100 / (rows - 1) : 0}%`;
    picture.setAttribute('role', 'img');
    picture.setAttribute('aria-label', fill(tile, i));
  }
}

const VIEWS = {
  batch(s, parent, look) {
    tiles(s, parent, 'batch', look.batch.length, (tile, i) => {
      const shares = look.batch[i], isMixed = shares.length > 1;
      const said = shares.map(([label, share]) => look.classes[label] + (isMixed ? ` ${percent(share)}` : '')).join(' + ');
      make(tile, 'span', '', said).title = said;
      if (isMixed) {
        const bar = make(tile, 'div', 'bar');
        for (const [, share] of shares) make(bar, 'b').style.width = percent(share).replace(/\s/g, '');
      }
      return said;
    });
  },

  classes(s, parent, look, words) {
    const split = make(parent, 'div', 'split');
    if (look.confusion) matrix(make(split, 'div', 'scroll'), look, words);
    const list = make(make(split, 'div', 'scroll'), 'table', 'list');
    make(list, 'caption', '', words.per_class);
    look.classes.forEach((name, i) => {
      const row = make(list, 'tr');
      make(row, 'th', '', name).scope = 'row';
      make(make(make(row, 'td'), 'div', 'meter'), 'b').style.width = `${100 * (look.accuracy[i] || 0)}%`;
      make(row, 'td', 'n', look.accuracy[i] === null ? '–' : percent(look.accuracy[i]));
      make(row, 'td', 'n wide', words.pictures.replace('{n}', written().format(look.counts[i])));
    });
  },

  mistakes(s, parent, look, words) {
    if (!look.mistakes.length) {
      make(parent, 'p', '', words.no_mistakes);
      return;
    }
    tiles(s, parent, 'mistakes', look.mistakes.length, (tile, i) => {
      const one = look.mistakes[i], answer = `${look.classes[one.predicted]} ${percent(one.confidence)}`;
      make(tile, 'span', '', `${words.said} ${answer}`).title = answer;
      make(tile, 'span', '', `${words.is} ${look.classes[one.true]}`).title = look.classes[one.true];
      return `${words.said} ${answer}, ${words.is} ${look.classes[one.true]}`;
    });
  },

  layers(s, parent, look, words) {
    const list = make(make(parent, 'div', 'scroll'), 'table', 'list');
    const head = make(make(list, 'thead'), 'tr');
    for (const [word, name] of [[words.weights_of, ''], [words.count, 'wide'], [words.weights, ''], [words.mean_std, 'wide'], [words.gradients, ''], [words.ratio, '']]) {
      make(head, 'th', name, word).scope = 'col';
    }
    const body = make(list, 'tbody');
    for (const layer of look.layers) {
      const row = make(body, 'tr');
      make(row, 'th', '', layer.name).scope = 'row';
      make(row, 'td', 'wide', written().format(layer.count));
      bins(make(row, 'td'), layer.weights, '');
      make(row, 'td', 'wide', layer.weights ? `${three(layer.weights.mean)} ± ${three(layer.weights.std)}` : '–');
      bins(make(row, 'td'), layer.gradients, 'g');
      make(row, 'td', '', three(layer.ratio));
    }
  },
};

function matrix(parent, look, words) {
  const isDense = look.classes.length > MOST_COUNTS;
  const table = make(parent, 'table', isDense ? 'matrix dense' : 'matrix');
  make(table, 'caption', '', words.confusion);
  const head = make(make(table, 'thead'), 'tr');
  make(head, 'th', '', words.corner);
  for (const name of look.classes) make(head, 'th', '', name).scope = 'col';
  const body = make(table, 'tbody');
  look.confusion.forEach((counts, i) => {
    const row = make(body, 'tr'), total = counts.reduce((sum, count) => sum + count, 0);
    make(row, 'th', '', look.classes[i]).scope = 'row';
    counts.forEach((count, k) => {
      const cell = make(row, 'td', '', isDense || !count ? '' : String(count));
      const share = total ? count / total : 0;
      const hue = i === k ? '0, 158, 115' : '213, 94, 0';
      cell.style.background = share ? `rgba(${hue}, ${0.1 + 0.55 * share})` : 'transparent';
      cell.title = `${look.classes[i]} → ${look.classes[k]}: ${count}`;
    });
  });
}

function bins(parent, spread, className) {
  if (!spread) {
    parent.textContent = '–';
    return;
  }
  const space = 'http://www.w3.org/2000/svg';
  const svg = document.createElementNS(space, 'svg');
  svg.setAttribute('class', `bins ${className}`);
  svg.setAttribute('viewBox', `0 0 ${spread.bins.length} 10`);
  svg.setAttribute('preserveAspectRatio', 'none');
  svg.setAttribute('role', 'img');
  svg.setAttribute('aria-label', `${three(spread.low)} … ${three(spread.high)}`);
  const most = Math.max(...spread.bins, 1);
  spread.bins.forEach((count, i) => {
    const bar = document.createElementNS(space, 'rect');
    const height = (10 * count) / most;
    for (const [name, value] of [['x', i + 0.05], ['y', 10 - height], ['width', 0.9], ['height', height]]) bar.setAttribute(name, value);
    svg.appendChild(bar);
  });
  parent.appendChild(svg);
  const title = document.createElementNS(space, 'title');
  title.textContent = `${three(spread.low)} … ${three(spread.high)}`;
  svg.appendChild(title);
}

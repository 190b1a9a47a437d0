// One view of the latest snapshot of a training run, polled while it is visible, without reruns of the page.

const POLL_MS = 900;
const RETRY_MS = 2500;
const ANNOUNCE_MS = 15000;
const AS_TEXT = 20; // up to so many classes the confusion matrix is a table; above, an image with a cursor
const WORST = 5;
const OVER = new Set(['finished', 'stopped', 'failed', 'interrupted']);
const SHEETS = { batch: 'batch', mistakes: 'mistakes' };
const SVG = 'http://www.w3.org/2000/svg';
const states = new WeakMap();

export default function (component) {
  const { parentElement: root, data } = component;
  let s = states.get(root);
  if (!s) {
    s = { isGone: false, isAsking: false, look: null, sheet: null, announcedAt: 0, cursor: null, run: null };
    states.set(root, s);
  }
  if (s.run !== `${data.run}/${data.view}`) Object.assign(s, { run: `${data.run}/${data.view}`, look: null, known: null });
  s.data = data;
  if (data.snapshot) show(root, s, data.snapshot.look, data.snapshot[SHEETS[data.view]] || null);
  else if (s.look) draw(root, s);
  if (!data.snapshot && !s.isAsking && s.known !== data.state) poll(root, s);
  s.known = data.state;
  if (!s.look) draw(root, s);
  return () => {
    s.isGone = true;
    forget(s);
    states.delete(root);
  };
}

// --- polling

const sleep = ms => new Promise(done => setTimeout(done, ms));
const isSeen = root => !document.hidden && root.querySelector('.frame').getClientRects().length > 0;

async function poll(root, s) {
  s.isAsking = true;
  while (!s.isGone) {
    if (!isSeen(root)) {
      await sleep(POLL_MS);
      continue;
    }
    let state;
    try {
      state = await ask(root, s);
    } catch (error) {
      if (!(error instanceof TypeError) && !(error instanceof SyntaxError)) throw error;
      state = undefined; // network error: retry
    }
    if (s.isGone || state === null || OVER.has(state)) break;
    await sleep(state === 'running' || state === 'queued' ? POLL_MS : RETRY_MS);
  }
  s.isAsking = false;
}

// Return the run's state; null for a deleted run; undefined where the route is not served.
async function ask(root, s) {
  const run = s.run;
  const address = `${s.data.base}/api/runs/${encodeURIComponent(s.data.run)}`;
  const answer = await fetch(`${address}/look${s.look ? `?since=${s.look.step}` : ''}`, { cache: 'no-store' });
  const state = answer.headers.get('run-state');
  if (!state) {
    if ((answer.headers.get('content-type') || '').includes('json')) return null;
    return undefined; // not the app's route: a proxy responded, or the page itself
  }
  if (answer.status === 204) {
    if (!s.look && !s.isGone) draw(root, s, state);
    return state;
  }
  const look = await answer.json();
  let sheet = null;
  if (SHEETS[s.data.view] && (s.data.view !== 'mistakes' || look.mistakes.length)) {
    const picture = await fetch(`${address}/${SHEETS[s.data.view]}.jpg?step=${look.step}`, { cache: 'no-store' });
    if (!picture.ok) return 'running'; // two newer snapshots exist by now: load the next one
    sheet = URL.createObjectURL(await picture.blob());
  }
  if (s.isGone || s.run !== run) {
    if (sheet) URL.revokeObjectURL(sheet);
    return state;
  }
  await show(root, s, look, sheet);
  return state;
}

// Show a snapshot once its images are decoded, so that nothing flickers.
async function show(root, s, look, sheet) {
  if (sheet) {
    const picture = new Image();
    picture.src = sheet;
    await picture.decode().catch(() => null);
    if (s.isGone) return;
  }
  const before = s.sheet;
  s.look = look;
  s.sheet = sheet;
  draw(root, s);
  if (before && before !== sheet && before.startsWith('blob:')) URL.revokeObjectURL(before);
  announce(root, s);
}

function forget(s) {
  if (s.sheet?.startsWith('blob:')) URL.revokeObjectURL(s.sheet);
}

// --- numbers and words

const finite = value => typeof value === 'number' && Number.isFinite(value);
const fill = (text, values) => text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);

function format(value, options) {
  return new Intl.NumberFormat(document.documentElement.lang === 'es' ? 'es-AR' : 'en-US', options).format(value);
}

function percent(share, digits = 0) {
  return finite(share) ? `${format(100 * share, { maximumFractionDigits: digits, minimumFractionDigits: digits })} %` : '–';
}

function short(value) {
  if (!finite(value)) return '–';
  const size = Math.abs(value);
  const isOdd = size !== 0 && (size < 1e-3 || size >= 1e5);
  return format(value, { maximumSignificantDigits: 3, notation: isOdd ? 'scientific' : 'standard' });
}

function make(tag, text, attributes = {}) {
  const element = document.createElement(tag);
  if (text !== null && text !== undefined) element.textContent = text;
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

function total(look) {
  let right = 0, all = 0;
  look.confusion.forEach((row, i) => row.forEach((n, j) => { all += n; if (i === j) right += n; }));
  return { right, all };
}

// The bounds of a 95 % interval without the percent sign; snapshots of older versions have none.
function bounds(interval) {
  return (interval || [null, null]).map(share => finite(share) ? format(100 * share, { maximumFractionDigits: 0 }) : '–');
}

function headline(s) {
  const { words } = s.data, { look } = s, { right, all } = total(look);
  const [low, high] = bounds(look.interval);
  const values = { epoch: format(look.epoch), step: format(look.step), n: format(all), right: format(right), a: all ? percent(right / all, 1) : '–', low, high };
  if (s.data.view === 'classes' && !all || s.data.view === 'mistakes' && !all) return words.noValidation;
  if (s.data.view === 'mistakes' && !look.mistakes.length) return fill(words.noMistakes, values);
  return fill(words[s.data.view], values);
}

function announce(root, s) {
  const now = Date.now();
  if (now - s.announcedAt < ANNOUNCE_MS) return;
  s.announcedAt = now;
  root.querySelector('.live').textContent = headline(s);
}

// --- drawing

function draw(root, s, state = s.data.state) {
  const head = root.querySelector('.head'), body = root.querySelector('.body');
  if (!s.look) {
    head.textContent = OVER.has(state) ? s.data.words.nothing : s.data.words.waiting;
    body.replaceChildren();
    return;
  }
  head.textContent = headline(s);
  const scrolled = [...body.querySelectorAll('.scroll')].map(element => [element.scrollLeft, element.scrollTop]);
  const focused = [...body.querySelectorAll('[tabindex]')].indexOf(root.activeElement ?? root.getRootNode().activeElement);
  body.replaceChildren(...{ batch: drawBatch, classes: drawClasses, mistakes: drawMistakes, layers: drawLayers }[s.data.view](s));
  [...body.querySelectorAll('.scroll')].forEach((element, i) => {
    if (scrolled[i]) [element.scrollLeft, element.scrollTop] = scrolled[i];
  });
  if (focused >= 0) body.querySelectorAll('[tabindex]')[focused]?.focus({ preventScroll: true });
}

function tile(s, i, count, label) {
  const { columns } = s.look, rows = Math.ceil(count / columns);
  const picture = make('div', null, { class: 'picture', role: 'img', 'aria-label': label });
  const column = i % columns, row = Math.floor(i / columns);
  picture.style.backgroundImage = `url("${s.sheet}")`;
  picture.style.backgroundSize = `${100 * columns}% ${100 * rows}%`;
  picture.style.backgroundPosition = `${columns > 1 ? 100 * column / (columns - 1) : 0}% ${rows > 1 ? 100 * row / (rows - 1) : 0}%`;
  return picture;
}

function drawBatch(s) {
  const { look } = s, list = make('ul', null, { class: 'tiles' });
  look.batch.forEach((shares, i) => {
    const isMixed = shares.length > 1;
    const label = shares.map(([k, share]) => (isMixed ? `${look.classes[k]} ${percent(share)}` : look.classes[k])).join(' + ');
    const item = make('li');
    item.append(tile(s, i, look.batch.length, label), make('span', label, { 'aria-hidden': 'true' }));
    list.append(item);
  });
  return [list];
}

function drawMistakes(s) {
  const { look } = s, { words } = s.data, list = make('ul', null, { class: 'tiles wide' });
  look.mistakes.forEach((mistake, i) => {
    const values = { true: look.classes[mistake.true], predicted: look.classes[mistake.predicted], p: percent(mistake.confidence) };
    const item = make('li');
    item.append(tile(s, i, look.mistakes.length, fill(words.picture, { n: format(mistake.index) })),
      make('b', fill(words.isTrue, values)), make('div', fill(words.taken, values)));
    list.append(item);
  });
  return look.mistakes.length ? [list] : [];
}

function drawClasses(s) {
  const { look } = s, { words } = s.data;
  if (!total(look).all) return [];
  const sides = make('div', null, { class: 'sides' }), right = make('div');
  sides.append(look.classes.length <= AS_TEXT ? drawTable(s) : drawMany(s), right);
  right.append(make('h4', words.perClass));
  const rates = make('ul', null, { class: 'rates' }), box = make('div', null, { class: 'scroll', tabindex: 0, role: 'group', 'aria-label': words.perClass });
  look.classes.forEach((name, k) => {
    const item = make('li'), rail = make('span', null, { class: 'rail', 'aria-hidden': 'true' }), bar = make('i');
    bar.style.width = `${100 * (look.accuracy[k] || 0)}%`;
    rail.append(bar);
    const shown = look.confusion[k].reduce((a, b) => a + b, 0);
    item.append(make('span', name, { class: 'name' }), rail, make('span', shown ? rate(s, k, shown) : '–'));
    rates.append(item);
  });
  box.append(rates);
  right.append(box);
  const worst = pairs(look).slice(0, WORST);
  if (worst.length) {
    const list = make('ol', null, { class: 'worst' });
    for (const [n, i, j] of worst) list.append(make('li', fill(words.pair, { true: look.classes[i], predicted: look.classes[j], n: format(n) })));
    const title = make('h4', words.worst);
    title.style.marginTop = '16px';
    right.append(title, list);
  }
  return [sides];
}

function rate(s, k, shown) {
  const { look } = s, [low, high] = bounds(look.intervals?.[k]);
  return fill(s.data.words.share, { a: percent(look.accuracy[k]), low, high, right: format(look.confusion[k][k]), n: format(shown) });
}

function pairs(look) {
  const found = [];
  look.confusion.forEach((row, i) => row.forEach((n, j) => { if (i !== j && n) found.push([n, i, j]); }));
  return found.sort((a, b) => b[0] - a[0]);
}

function drawTable(s) {
  const { look } = s, { words } = s.data;
  const box = make('div', null, { class: 'scroll', tabindex: 0, role: 'group', 'aria-label': words.matrix });
  const table = make('table', null, { class: 'matrix' }), head = make('tr'), top = make('thead'), body = make('tbody');
  table.append(make('caption', words.matrix), top, body);
  top.append(head);
  head.append(make('td'));
  for (const name of look.classes) head.append(make('th', name, { scope: 'col' }));
  look.confusion.forEach((counts, i) => {
    const row = make('tr'), shown = counts.reduce((a, b) => a + b, 0);
    row.append(make('th', look.classes[i], { scope: 'row' }));
    counts.forEach((n, j) => {
      const share = shown ? n / shown : 0;
      const cell = make('td', n ? format(n) : '', { class: i === j ? 'right' : '' });
      cell.style.setProperty('--share', share);
      row.append(cell);
    });
    body.append(row);
  });
  box.append(table);
  return box;
}

// More classes than a table can hold: a pixel a cell, with a cursor that the pointer and the arrow keys move.
function drawMany(s) {
  const { look } = s, { words } = s.data, n = look.classes.length;
  const box = make('div', null, { class: 'confusion' }), caption = make('p', '', { class: 'caption', 'aria-live': 'polite' });
  const canvas = make('canvas', null, { role: 'img', tabindex: 0, 'aria-label': `${words.matrix}. ${words.arrows}` });
  const scale = Math.max(1, Math.floor(600 / n));
  canvas.width = canvas.height = n * scale;
  const pen = canvas.getContext('2d');
  const paint = () => {
    pen.clearRect(0, 0, canvas.width, canvas.height);
    pen.fillStyle = '#0072B2';
    look.confusion.forEach((counts, i) => {
      const shown = counts.reduce((a, b) => a + b, 0);
      counts.forEach((count, j) => {
        if (!count) return;
        pen.globalAlpha = 0.15 + 0.85 * count / shown;
        pen.fillRect(j * scale, i * scale, scale, scale);
      });
    });
    pen.globalAlpha = 1;
    if (!s.cursor) return;
    const [i, j] = s.cursor;
    pen.strokeStyle = '#E06A00';
    pen.lineWidth = 2;
    pen.strokeRect(j * scale, i * scale, scale, scale);
    caption.textContent = fill(words.pair, { true: look.classes[i], predicted: look.classes[j], n: format(look.confusion[i][j]) });
  };
  const move = (i, j) => {
    s.cursor = [Math.min(Math.max(i, 0), n - 1), Math.min(Math.max(j, 0), n - 1)];
    paint();
  };
  canvas.onpointermove = canvas.onpointerdown = event => {
    const area = canvas.getBoundingClientRect();
    move(Math.floor((event.clientY - area.top) / area.height * n), Math.floor((event.clientX - area.left) / area.width * n));
  };
  canvas.onkeydown = event => {
    const by = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
    if (!by) return;
    event.preventDefault();
    const [i, j] = s.cursor || [0, -1];
    move(i + by[0], j + by[1]);
  };
  if (s.cursor) move(...s.cursor);
  paint();
  box.append(make('h4', words.matrix), canvas, caption);
  return box;
}

function bars(kind, summary, words) {
  const svg = document.createElementNS(SVG, 'svg'), n = summary.histogram.length;
  svg.setAttribute('class', kind);
  svg.setAttribute('viewBox', `0 0 ${Math.max(n, 1)} 20`);
  svg.setAttribute('preserveAspectRatio', 'none');
  svg.setAttribute('role', 'img');
  svg.setAttribute('aria-label', fill(words.spread, { low: short(summary.min), high: short(summary.max) }));
  const maxCount = Math.max(...summary.histogram, 1), path = document.createElementNS(SVG, 'path'), line = document.createElementNS(SVG, 'line');
  path.setAttribute('d', summary.histogram.map((count, i) => `M${i} 20V${20 - 20 * count / maxCount}H${i + 0.86}V20Z`).join(''));
  for (const [name, value] of [['x1', 0], ['x2', n], ['y1', 20], ['y2', 20]]) line.setAttribute(name, value);
  svg.append(path, line);
  return svg;
}

function drawLayers(s) {
  const { look } = s, { words } = s.data;
  const box = make('div', null, { class: 'scroll', tabindex: 0, role: 'group', 'aria-label': words.layersTitle });
  const table = make('table', null, { class: 'layers' }), top = make('thead'), head = make('tr'), body = make('tbody');
  top.append(head);
  for (const title of [words.layer, words.weights, words.gradients, words.ratio]) head.append(make('th', title, { scope: 'col' }));
  for (const layer of look.layers) {
    const row = make('tr'), name = make('th', layer.name, { scope: 'row' });
    name.append(make('small', fill(words.count, { n: format(layer.weights.count) })));
    row.append(name);
    for (const kind of ['weights', 'gradients']) {
      const cell = make('td'), summary = layer[kind];
      if (!summary) cell.textContent = words.frozen;
      else {
        const values = { mean: short(summary.mean), std: short(summary.std), low: short(summary.min), high: short(summary.max), n: format(summary.broken) };
        cell.append(bars(kind, summary, words), make('small', fill(words.between, values)), make('small', fill(words.moments, values)));
        if (summary.broken) cell.append(make('small', fill(words.broken, values)));
      }
      row.append(cell);
    }
    row.append(make('td', short(layer.ratio)));
    body.append(row);
  }
  table.append(top, body);
  box.append(table);
  return [box];
}

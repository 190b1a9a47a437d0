// One window over real numbers. The outputs are computed in Python; here the products that lead to them are only written out.
const PIXEL = 0, BEYOND = 2;
const MAX_TERMS = 25; // windows up to 5 x 5 are written out whole
const ARROWS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
const STATES = new WeakMap();
const fill = (text, values) => text.replace(/{(\w+)}/g, (_all, key) => values[key]);

export default function (component) {
  const { parentElement: root, data } = component;
  let s = STATES.get(root);
  if (!s) { s = { at: [0, 0], pixel: null, timer: 0, name: '' }; STATES.set(root, s); }
  const name = JSON.stringify(data);
  if (name !== s.name) { // other data: the stepping restarts
    stop(root, s);
    Object.assign(s, { name, data, at: data.start.slice(), pixel: null, place: [0, 0] });
    build(root, s);
    show(root, s);
  }
  return () => { clearTimeout(s.timer); STATES.delete(root); };
}

// --- numbers

function write(s, value, digits = 2) {
  if (Object.is(Math.round(value * 10 ** digits), -0)) value = 0;
  return value.toLocaleString(s.data.language === 'es' ? 'es-AR' : 'en-US',
    { minimumFractionDigits: Number.isInteger(value) ? 0 : digits, maximumFractionDigits: digits, useGrouping: false }).replace('-', '−');
}

const isWhole = s => [...s.data.cells.flat(), ...(s.data.kernel || []).flat(), s.data.bias].every(v => v === null || Number.isInteger(v));

// Which cells of the patch lie under the window of an output, with the weight on each.
function under({ data }, [row, column]) {
  const found = [];
  for (let a = 0; a < data.sides[0]; a++) {
    for (let b = 0; b < data.sides[1]; b++) {
      const y = row * data.stride[0] + a * data.dilation[0], x = column * data.stride[1] + b * data.dilation[1];
      found.push({ a, b, y, x, value: data.cells[y][x], kind: data.kinds[y][x], weight: data.kernel ? data.kernel[a][b] : null });
    }
  }
  return found;
}

const users = (s, y, x) => outputs(s).filter(at => under(s, at).some(cell => cell.y === y && cell.x === x));
const outputs = ({ data }) => data.outputs.flatMap((row, i) => row.map((_, j) => [i, j]));

// --- drawing

function build(root, s) {
  const { data } = s, { words } = data;
  const texts = { '.input h4': words.input, '.output h4': words.output, '.kernel h4': words.kernel, '.op': words.op, '.hint': words.hint, '.speed span': words.speed,
    '.back': words.back, '.step': words.step };
  for (const [where, text] of Object.entries(texts)) root.querySelector(where).textContent = text;
  root.querySelector('.op').hidden = !words.op;
  root.querySelector('.sum').setAttribute('aria-label', words.sum);
  const frame = root.querySelector('.frame'), sides = [data.cells[0].length, data.sides[1], data.outputs[0].length];
  frame.classList.toggle('long', !isWhole(s));
  ['input', 'kernel', 'output'].forEach((key, i) => root.querySelector('.sides').style.setProperty(`--${key}`, sides[i]));
  const show_ = (where, label, rows, make) => {
    const grid = root.querySelector(`.${where} .grid`);
    grid.style.setProperty('--n', rows[0].length);
    grid.setAttribute('aria-label', label);
    grid.replaceChildren(...rows.map((row, i) => {
      const line = document.createElement('div');
      line.className = 'row'; line.setAttribute('role', 'row');
      line.append(...row.map((value, j) => {
        const cell = document.createElement('div');
        cell.className = 'cell'; cell.setAttribute('role', 'gridcell');
        cell.dataset.y = i; cell.dataset.x = j;
        if (where !== 'kernel') { cell.tabIndex = -1; cell.onfocus = () => { look(root, s, where, cell); announce(root); }; }
        make(cell, value, i, j);
        return cell;
      }));
      return line;
    }));
  };
  const shade = (cell, value, [low, high]) => {
    const grey = Math.round(255 * (high > low ? Math.min(Math.max((value - low) / (high - low), 0), 1) : .5));
    cell.style.background = `rgb(${grey}, ${grey}, ${grey})`;
    cell.style.color = grey > 117 ? '#000' : '#fff';
  };
  show_('input', words.input, data.cells, (cell, value, i, j) => {
    const kind = data.kinds[i][j], place = { row: data.origin[0] + i, column: data.origin[1] + j };
    cell.textContent = value === null ? '–' : write(s, value);
    if (kind === PIXEL) shade(cell, value, data.range_in); else cell.classList.add('blank');
    cell.setAttribute('aria-label', kind === PIXEL ? fill(words.pixel, { ...place, value: write(s, value) }) : kind === BEYOND ? words.beyond : words.padding);
    if (kind !== PIXEL) cell.title = cell.getAttribute('aria-label');
  });
  show_('output', words.output, data.outputs, (cell, value, i, j) => {
    cell.textContent = write(s, value);
    shade(cell, value, data.range_out);
    cell.setAttribute('aria-label', fill(words.unit, { row: data.first[0] + i, column: data.first[1] + j, value: write(s, value) }));
  });
  show_('kernel', words.kernel, data.kernel || Array.from({ length: data.sides[0] }, () => Array(data.sides[1]).fill(null)), (cell, value) => {
    cell.textContent = value === null ? '' : write(s, value);
  });
  wire(root, s);
}

const cell_at = (root, where, [y, x]) => root.querySelector(`.${where} .cell[data-y="${y}"][data-x="${x}"]`);

function show(root, s) {
  const { data } = s, { words } = data;
  root.querySelectorAll('.lit, .winner').forEach(cell => cell.classList.remove('lit', 'winner'));
  root.querySelectorAll('.cell[tabindex="0"]').forEach(cell => { cell.tabIndex = -1; });
  cell_at(root, 'input', s.place).tabIndex = 0;
  cell_at(root, 'output', s.at).tabIndex = 0;
  const title = root.querySelector('.title'), sum = root.querySelector('.sum');
  if (s.pixel) {
    const [y, x] = s.pixel, used = users(s, y, x);
    cell_at(root, 'input', s.pixel).classList.add('lit');
    for (const at of used) cell_at(root, 'output', at).classList.add('lit');
    // Each output looks at it with a weight of its own.
    for (const at of used) {
      const { a, b } = under(s, at).find(cell => cell.y === y && cell.x === x);
      cell_at(root, 'kernel', [a, b]).classList.add('lit');
    }
    title.textContent = cell_at(root, 'input', s.pixel).getAttribute('aria-label');
    sum.textContent = fill(used.length === 1 ? words.used_once : used.length ? words.used : words.unused, { n: used.length });
    return;
  }
  const terms = under(s, s.at), value = data.outputs[s.at[0]][s.at[1]];
  const seen = data.op === 'sum' ? terms : terms.filter(term => term.value !== null);
  const best = data.op === 'max' ? seen.find(term => term.value === Math.max(...seen.map(term => term.value))) : null;
  for (const term of seen) {
    cell_at(root, 'input', [term.y, term.x]).classList.add('lit');
    if (term === best) cell_at(root, 'input', [term.y, term.x]).classList.add('winner');
  }
  cell_at(root, 'output', s.at).classList.add('lit');
  title.textContent = cell_at(root, 'output', s.at).getAttribute('aria-label');
  spell(sum, s, seen, value);
}

// "12×1 + 40×0 + … = 83": cut only between products, so that no line breaks inside one.
function spell(sum, s, terms, value) {
  const { data } = s, piece = (text, className) => {
    const node = document.createElement(className === 'result' ? 'b' : 'span');
    node.className = className; node.textContent = text;
    return node;
  };
  const inBrackets = v => (v < 0 ? `(${write(s, v)})` : write(s, v));
  const parts = [];
  const join = data.op === 'max' ? '; ' : ' + ';
  if (data.op === 'max') parts.push('max(');
  else if (data.op === 'mean' || data.divisor > 1) parts.push('(');
  // A large window with a small kernel in its middle: the products with zeros are counted, not written.
  const written = data.op === 'sum' && terms.length > MAX_TERMS ? terms.filter(term => term.weight !== 0) : terms;
  written.forEach((term, i) => {
    if (i) parts.push(join);
    const text = data.op === 'sum' ? `${write(s, term.value)}×${inBrackets(term.weight)}` : write(s, term.value);
    parts.push(piece(data.op === 'sum' && term.value < 0 ? `(${write(s, term.value)})×${inBrackets(term.weight)}` : text,
      term.kind === PIXEL && term.weight !== 0 ? 'pair' : 'pair zero'));
  });
  if (written.length < terms.length) parts.push(join, piece(fill(data.words.zeros, { n: terms.length - written.length }), 'pair zero'));
  if (data.op === 'max') parts.push(')');
  else if (data.op === 'mean') parts.push(`) / ${terms.length}`);
  else if (data.divisor > 1) parts.push(`) / ${data.divisor}`);
  if (data.op === 'sum' && data.bias) parts.push(` + ${inBrackets(data.bias)} `, piece(data.words.bias, 'zero'));
  const isExact = data.op === 'max' || (isWhole(s) && Number.isInteger(value));
  parts.push(' ', piece(`${isExact ? '=' : '≈'} ${write(s, value)}`, 'result'));
  sum.replaceChildren(...parts);
}

// --- controls

const place_of = cell => [Number(cell.dataset.y), Number(cell.dataset.x)];

function look(root, s, where, cell) {
  stop(root, s);
  const at = place_of(cell);
  if (where === 'input') s.pixel = s.place = at; else { s.pixel = null; s.at = at; }
  show(root, s);
}

function announce(root) {
  root.querySelector('.live').textContent = `${root.querySelector('.title').textContent}. ${root.querySelector('.sum').textContent}`;
}

function wire(root, s) {
  for (const where of ['input', 'output']) {
    const grid = root.querySelector(`.${where} .grid`);
    grid.onpointerover = event => { const cell = event.target.closest('.cell'); if (cell) look(root, s, where, cell); };
    grid.onpointerleave = () => { if (s.pixel) { s.pixel = null; show(root, s); } };
    grid.onkeydown = event => {
      const cell = event.target.closest('.cell'), step = ARROWS[event.key];
      if (!cell || !step) return;
      event.preventDefault();
      const [y, x] = place_of(cell);
      cell_at(root, where, [y + step[0], x + step[1]])?.focus();
    };
  }
  const move = by => {
    const all = outputs(s), now = all.findIndex(([i, j]) => i === s.at[0] && j === s.at[1]);
    s.pixel = null;
    s.at = all[(now + by + all.length) % all.length];
    show(root, s);
  };
  const play = root.querySelector('.play'), speed = root.querySelector('.speed input');
  play.textContent = s.data.words.play;
  const tick = () => { move(1); s.timer = setTimeout(tick, 2000 / Number(speed.value)); };
  play.onclick = () => {
    if (s.timer) { stop(root, s); return; }
    play.textContent = s.data.words.pause;
    tick();
  };
  root.querySelector('.step').onclick = () => { stop(root, s); move(1); announce(root); };
  root.querySelector('.back').onclick = () => { stop(root, s); move(-1); announce(root); };
}

function stop(root, s) {
  clearTimeout(s.timer);
  s.timer = 0;
  if (s.data) root.querySelector('.play').textContent = s.data.words.play;
}

// Editor of labels on a photograph. Coordinates are fractions of the sides, so they hold at any size. Unfinished labels (the corners of
// a mask, one corner of a box) are kept here; every finished label is sent to Python and returns with the data.
const SPACE = 'http://www.w3.org/2000/svg';
const TOOLS = ['box', 'point', 'mask'];
const NEAR_PX = 12, SAME_PX = 4, MIN_SIDE = 0.01;
const STATES = new WeakMap();
const RESPONSE_MS = 8000; // after so long without a response, the labels return to Python's last list
export default function (component) {
  const { parentElement: root, data } = component;
  let state = STATES.get(root);
  if (!state) {
    state = { tool: 'box', name: '', from: null, to: null, corners: [], cursor: null, lit: -1, sent: null, timer: 0 };
    STATES.set(root, state);
  }
  if (acknowledge(data.queue) >= state.sent && !data.waiting) settle(component, state);
  show(component, state);
}
function settle(component, state) {
  clearTimeout(state.timer);
  state.sent = null;
  state.labels = component.data.labels;
}
// The labels with all unacknowledged edits applied: indices of the next edits refer to this list.
function preview(labels, kind, more) {
  if (kind === 'clear') return [];
  if (kind === 'remove') return labels.filter((_label, i) => i !== more.at);
  if (kind === 'rename') return labels.map((label, i) => (i === more.at ? { ...label, name: more.name } : label));
  return [...labels, { kind, ...more }];
}
function show(component, state) {
  const { parentElement: root, data } = component;
  const find = selector => root.querySelector(selector);
  const stage = find('.stage'), svg = find('svg'), image = find('img'), list = find('.list'), { words, limits } = data, { labels } = state;
  if (image.src !== data.image) image.src = data.image;
  image.alt = words.image;

  const send = (kind, more) => {
    state.sent = sendAction(root, component, data.queue, { kind, ...more });
    state.labels = preview(state.labels, kind, more);
    clearTimeout(state.timer);
    state.timer = setTimeout(() => { settle(component, state); show(component, state); }, RESPONSE_MS);
    if (kind !== 'rename') show(component, state); // the click that ends a rename must still reach the element it is on
  };
  const add = (kind, places) => {
    if (labels.length >= limits.labels) return hint(words.full);
    announce(words.added);
    send(kind, { places, name: state.name });
  };
  const hint = text => { find('.hint').textContent = text; announce(text); };
  const announce = text => { find('.announcement').textContent = text; };
  const pixels = (a, b) => {
    const frame = stage.getBoundingClientRect();
    return Math.hypot((a[0] - b[0]) * frame.width, (a[1] - b[1]) * frame.height);
  };
  const span = (a, b) => [Math.min(a[0], b[0]), Math.min(a[1], b[1]), Math.max(a[0], b[0]), Math.max(a[1], b[1])];

  // Drawing the labels.
  const shape = (name, values, className) => {
    const node = document.createElementNS(SPACE, name);
    for (const [key, value] of Object.entries(values)) node.setAttribute(key, value);
    node.setAttribute('class', className); svg.appendChild(node);
  };
  const twice = (name, values, isLit) => {
    shape(name, values, 'under'); shape(name, values, 'over');
    if (isLit) shape(name, values, 'lit');
  };
  const ring = ([x, y], isLit, r = 0.012) => {
    twice('ellipse', { cx: x, cy: y, rx: r, ry: r * stage.clientWidth / Math.max(stage.clientHeight, 1) }, isLit);
  };
  const pairs = places => places.reduce((all, value, i) => all + (i % 2 ? ',' : ' ') + value, '').trim();
  const drawLabel = (kind, places, isLit) => {
    if (kind === 'box') {
      const [x0, y0, x1, y1] = places;
      twice('rect', { x: x0, y: y0, width: x1 - x0, height: y1 - y0 }, isLit);
    } else if (kind === 'mask') twice('polygon', { points: pairs(places) }, isLit);
    else ring(places, isLit);
  };
  const draw = () => {
    svg.replaceChildren();
    const order = labels.map((_label, i) => i).sort((a, b) => (labels[b].kind === 'mask') - (labels[a].kind === 'mask'));
    for (const i of order) drawLabel(labels[i].kind, labels[i].places, i === state.lit);
    if (state.tool === 'box' && state.from && state.to) drawLabel('box', span(state.from, state.to));
    if (state.corners.length) {
      const open = [...state.corners, ...(state.to ? [state.to] : [])];
      twice('polyline', { points: pairs(open.flat()) });
      state.corners.forEach((corner, i) => ring(corner, i === 0, 0.008));
    }
    if (state.cursor) {
      const [x, y] = state.cursor;
      for (const line of [{ x1: x, y1: y - 0.04, x2: x, y2: y + 0.04 }, { x1: x - 0.03, y1: y, x2: x + 0.03, y2: y }]) {
        shape('line', line, 'under'); shape('line', line, 'cursor');
      }
    }
    find('.ends').classList.toggle('open', state.tool === 'mask' && state.corners.length > 0);
    find('.finish').disabled = state.corners.length < 3;
  };

  // Making labels.
  const discard = () => { state.from = state.to = null; state.corners = []; draw(); };
  const finish = () => {
    const corners = state.corners;
    if (corners.length < 3) return;
    discard();
    add('mask', corners.flat());
  };
  const corner = at => {
    const { corners } = state;
    if (corners.length >= 3 && pixels(at, corners[0]) < NEAR_PX) return finish();
    if (corners.length && pixels(at, corners[corners.length - 1]) < SAME_PX) return;  // the second half of a double click
    if (corners.length < limits.corners) corners.push(at);
    draw();
  };
  const finishBox = at => {
    const corners = span(state.from, at);
    discard();
    if (corners[2] - corners[0] > MIN_SIDE && corners[3] - corners[1] > MIN_SIDE) add('box', corners); else hint(words.small);
  };
  const pick = tool => {
    if (tool !== state.tool) { state.tool = tool; discard(); }
    for (const button of find('.tools').children) button.setAttribute('aria-pressed', String(button.value === tool));
    find('.hint').textContent = words[`hint_${tool}`];
    stage.setAttribute('aria-label', `${words.image}. ${words[`hint_${tool}`]} ${words.keys}`);
  };
  const place = event => {
    const frame = stage.getBoundingClientRect();
    return [(event.clientX - frame.left) / frame.width, (event.clientY - frame.top) / frame.height].map(v => Math.min(Math.max(v, 0), 1));
  };
  stage.onpointerdown = event => {
    if (event.button) return;
    state.cursor = null;
    if (state.tool === 'box') state.from = place(event);
    stage.setPointerCapture(event.pointerId);
  };
  stage.onpointermove = event => {
    if (state.from || state.corners.length) { state.to = place(event); draw(); }
  };
  stage.onpointerup = event => {
    if (event.button) return;
    const at = place(event);
    if (state.tool === 'mask') return corner(at);
    if (state.tool === 'point') return add('point', at);
    if (state.from) finishBox(at);
  };
  stage.onpointercancel = () => { state.from = state.to = null; draw(); };
  stage.ondblclick = () => finish();
  stage.onkeydown = event => {
    const step = event.shiftKey ? 0.05 : 0.01;
    const move = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] }[event.key];
    if (move) {
      const [x, y] = state.cursor ?? [0.5, 0.5];
      state.cursor = [x + move[0], y + move[1]].map(v => Math.min(Math.max(v, 0), 1));
      if (state.from || state.corners.length) state.to = state.cursor;
      announce(state.cursor.map(v => `${Math.round(100 * v)}%`).join(', '));
    } else if (event.key === 'Escape') discard();
    else if (event.key === 'Backspace' && state.corners.length) state.corners.pop();
    else if (event.key === 'Enter' && state.tool === 'mask') finish();
    else if (event.key === ' ' || event.key === 'Enter') {
      state.cursor ??= [0.5, 0.5];
      const at = state.cursor;
      if (state.tool === 'mask') corner(at);
      else if (state.tool === 'point') add('point', at);
      else if (state.from) finishBox(at);
      else state.from = at;
    } else return;
    event.preventDefault(); event.stopPropagation();
    draw();
  };

  // The tools, the name of what is drawn next, and the list.
  find('.tools').setAttribute('aria-label', words.tools);
  find('.tools').replaceChildren(...TOOLS.map(tool => {
    const button = document.createElement('button');
    Object.assign(button, { type: 'button', value: tool, textContent: words[tool], onclick: () => pick(tool) });
    return button;
  }));
  find('.naming span').textContent = words.name;
  const naming = find('.name');
  Object.assign(naming, { maxLength: limits.name, placeholder: words.optional, value: state.name, oninput: () => { state.name = naming.value; } });
  Object.assign(find('.finish'), { textContent: words.finish, onclick: finish });
  Object.assign(find('.cancel'), { textContent: words.cancel, onclick: discard });
  list.setAttribute('aria-label', words.list);
  // The text being typed into a label's name is kept when the list is redrawn.
  const rows = [...list.children], typed = root.activeElement, row = rows.findIndex(item => typed && item.contains(typed) && typed.matches('input'));
  const held = row < 0 ? null : { row, value: typed.value, from: typed.selectionStart, to: typed.selectionEnd };
  if (held) typed.onchange = null; // its removal is no change of the name
  list.replaceChildren(...labels.map((label, at) => {
    const row = document.createElement('li'), kind = document.createElement('span');
    const name = document.createElement('input'), remove = document.createElement('button');
    const title = `${words[label.kind]} ${1 + labels.slice(0, at).filter(other => other.kind === label.kind).length}`;
    kind.textContent = title;
    Object.assign(name, { type: 'text', value: label.name, maxLength: limits.name, placeholder: words.optional, autocomplete: 'off' });
    name.setAttribute('aria-label', `${words.name}: ${title}`);
    name.onchange = () => send('rename', { at, name: name.value });
    Object.assign(remove, { type: 'button', textContent: '×', title: `${words.remove}: ${title}`, onclick: () => send('remove', { at }) });
    remove.setAttribute('aria-label', `${words.remove}: ${title} ${label.name}`.trim());
    const light = index => () => { state.lit = index; draw(); };
    row.onpointerenter = light(at);
    row.onpointerleave = light(-1);
    row.addEventListener('focusin', light(at)); row.addEventListener('focusout', light(-1));
    row.append(kind, name, remove);
    return row;
  }));
  const input = held && list.children[held.row]?.querySelector('input');
  if (input) {
    input.value = held.value;
    input.focus({ preventScroll: true });
    input.setSelectionRange(held.from, held.to);
  }
  const clear = find('.clear');
  Object.assign(clear, { textContent: words.clear, hidden: !labels.length, onclick: () => send('clear') });
  state.lit = -1;
  image.onload = draw;
  pick(state.tool);
  draw();
}

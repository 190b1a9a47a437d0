// A photograph to draw on: drag for a box, click for a point. Places are shares of the sides, so they hold at any size.
const SPACE = 'http://www.w3.org/2000/svg';
const STATES = new WeakMap();
export default function (component) {
  const { parentElement: root, data, setTriggerValue } = component;
  let state = STATES.get(root);
  if (!state) { state = { from: null, n: 0 }; STATES.set(root, state); }
  const stage = root.querySelector('.stage'), svg = root.querySelector('svg'), image = root.querySelector('img');
  image.src = data.image; image.alt = data.words.image;
  stage.setAttribute('aria-label', data.words.hint);
  root.querySelector('.hint').textContent = data.words.hint;
  const clear = root.querySelector('.clear');
  clear.textContent = data.words.clear;
  clear.disabled = !data.boxes.length && !data.points.length;
  const add = (name, values, className) => {
    const node = document.createElementNS(SPACE, name);
    for (const [key, value] of Object.entries(values)) node.setAttribute(key, value);
    node.setAttribute('class', className); svg.appendChild(node);
  };
  const box = ([x0, y0, x1, y1]) => {
    for (const kind of ['under', 'over']) add('rect', { x: x0, y: y0, width: x1 - x0, height: y1 - y0 }, kind);
  };
  const point = ([x, y]) => {
    const ratio = stage.clientWidth / Math.max(stage.clientHeight, 1), r = 0.012;
    for (const kind of ['dot under', 'dot over']) add('ellipse', { cx: x, cy: y, rx: r, ry: r * ratio }, kind);
  };
  const draw = extra => {
    svg.replaceChildren();
    data.boxes.forEach(box); data.points.forEach(point);
    if (extra) box(extra);
  };
  const place = event => {
    const frame = stage.getBoundingClientRect();
    return [(event.clientX - frame.left) / frame.width, (event.clientY - frame.top) / frame.height].map(v => Math.min(Math.max(v, 0), 1));
  };
  const span = (a, b) => [Math.min(a[0], b[0]), Math.min(a[1], b[1]), Math.max(a[0], b[0]), Math.max(a[1], b[1])];
  const send = (kind, value) => setTriggerValue('event', { kind, value, n: `${Date.now()}-${++state.n}` });
  stage.onpointerdown = event => { state.from = place(event); stage.setPointerCapture(event.pointerId); };
  stage.onpointermove = event => { if (state.from) draw(span(state.from, place(event))); };
  stage.onpointerup = event => {
    if (!state.from) return;
    const made = span(state.from, place(event));
    state.from = null;
    if (made[2] - made[0] > 0.02 && made[3] - made[1] > 0.02) send('box', made); else send('point', place(event));
  };
  stage.onpointercancel = () => { state.from = null; draw(); };
  clear.onclick = () => send('clear', null);
  image.onload = () => draw();
  draw();
}

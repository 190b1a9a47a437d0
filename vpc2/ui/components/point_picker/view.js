// An image with rectangles shown layer by layer, and rectangle selected point. Coordinates are fractions of the sides.
const SPACE = 'http://www.w3.org/2000/svg';
const STEP_MS = 600;
const ARROWS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
const STATES = new WeakMap();
export default function (component) {
  const { parentElement: root, data } = component;
  acknowledge(data.queue);
  let state = STATES.get(root);
  if (!state) { state = { timer: 0 }; STATES.set(root, state); }
  clearInterval(state.timer);
  const stage = root.querySelector('.stage'), svg = root.querySelector('svg'), image = root.querySelector('img');
  const film = root.querySelector('.film'), range = root.querySelector('input'), play = root.querySelector('.play'), caption = root.querySelector('.caption');
  const words = data.words, all = data.rectangles;
  // The whole picture fits on the screen, whatever its sides.
  image.onload = () => { stage.style.maxWidth = `calc(66vh * ${image.naturalWidth / image.naturalHeight})`; };
  image.src = data.image; image.alt = words.image;
  stage.setAttribute('aria-label', words.hint);
  stage.classList.toggle('pixelated', data.pixelated);
  root.querySelector('.hint').textContent = words.hint;
  film.hidden = !words.film || all.length < 2;
  play.textContent = words.play || '';
  range.setAttribute('aria-label', words.film || '');
  range.max = all.length; range.value = all.length;

  const add = (name, values, className) => {
    const node = document.createElementNS(SPACE, name);
    for (const [key, value] of Object.entries(values)) node.setAttribute(key, value);
    node.setAttribute('class', className); svg.appendChild(node);
  };
  const draw = () => {
    const shown = all.slice(0, Number(range.value)), last = shown[shown.length - 1];
    svg.replaceChildren();
    if (last) {
      const [x0, y0, x1, y1] = last.box;
      add('path', { d: `M0 0H1V1H0ZM${x0} ${y0}V${y1}H${x1}V${y0}Z`, 'fill-rule': 'evenodd' }, 'shade');
    }
    for (const rectangle of shown) {
      const [x0, y0, x1, y1] = rectangle.box, mark = rectangle === last ? ' last' : '';
      const sides = { x: x0, y: y0, width: x1 - x0, height: y1 - y0 };
      add('rect', sides, 'under' + mark);
      add('rect', { ...sides, stroke: rectangle.colour }, 'over' + mark);
    }
    caption.textContent = last ? last.caption : '';
    caption.hidden = !caption.textContent;
    range.setAttribute('aria-valuetext', caption.textContent);
  };
  const send = (kind, value) => sendAction(root, component, data.queue, { kind, value });
  stage.onclick = event => {
    const frame = stage.getBoundingClientRect();
    const place = [(event.clientY - frame.top) / frame.height, (event.clientX - frame.left) / frame.width];
    send('place', place.map(v => Math.min(Math.max(v, 0), 1)));
  };
  stage.onkeydown = event => {
    if (!ARROWS[event.key]) return;
    event.preventDefault();
    send('step', ARROWS[event.key]);
  };
  range.oninput = () => { clearInterval(state.timer); draw(); };
  play.onclick = () => {
    clearInterval(state.timer);
    range.value = 1; draw();
    state.timer = setInterval(() => {
      range.value = Number(range.value) + 1; draw();
      if (Number(range.value) >= all.length) clearInterval(state.timer);
    }, STEP_MS);
  };
  draw();
  return () => { clearInterval(state.timer); STATES.delete(root); };
}

// Two images of one size on top of each other, split at the slider's position. Nothing is sent to Python.
export default function (component) {
  const { parentElement: root, data } = component;
  const stage = root.querySelector('.stage'), range = root.querySelector('input');
  const before = root.querySelector('.before'), after = root.querySelector('.after'), line = root.querySelector('.line');
  before.src = data.before; before.alt = data.words.before;
  after.src = data.after; after.alt = data.words.after;
  root.querySelector('.left').textContent = data.words.before;
  root.querySelector('.right').textContent = data.words.after;
  range.setAttribute('aria-label', data.words.slide);
  const cut = () => {
    before.style.clipPath = `inset(0 ${100 - range.value}% 0 0)`;
    line.style.left = `${range.value}%`;
    range.setAttribute('aria-valuetext', `${range.value} % ${data.words.before}`);
  };
  range.oninput = cut;
  const follow = event => {
    const box = stage.getBoundingClientRect();
    range.value = Math.round(100 * Math.min(Math.max((event.clientX - box.left) / box.width, 0), 1));
    cut();
  };
  stage.onpointerdown = event => { stage.setPointerCapture(event.pointerId); follow(event); };
  stage.onpointermove = event => { if (event.buttons) follow(event); };
  cut();
}

// A net one takes in the hand. Python owns the net and where everything stands; what a visitor does is told to Python, which
// answers with the picture as it then is and the number of the last action it has seen. Until then the choice, and a layer that
// moves among its neighbours, are shown as they will about be.
//
// data: { solids: [{ id, role, x, y, width, height, top, right, faces: [[path, colour]], stripes, name, lines, title, label, level,
//   parent, branch, at, of, problem, ghost, slab, fixed, open, more, fewer }], wires: [[path, head]], joints: [[x, y, r, path]],
//   gaps: [{ x, y, height, place }], width, height, selected, seen, said, can_paste, palette: [{ title, colour, kinds: [{ kind,
//   title, help }] }], help: [[keys, words]], words }

const SPACE = 'http://www.w3.org/2000/svg';
const GAP_MS = 70; // two actions in one tick would arrive as one
const ANSWER_MS = 8000; // after so long without an answer, the picture goes back to what Python last said
const EDGE_PX = 56;
const ZOOM = { least: 0.3, most: 4, step: 1.25, low: 0.8, high: 1.6 };
const TALL_PX = 580; // a net that is higher than this is not enlarged by itself
const states = new WeakMap();

export default function (component) {
  const { parentElement: root, data } = component;
  let s = states.get(root);
  if (!s) {
    s = {
      canvas: root.querySelector('.canvas'), queue: [], sent: null, count: 0, name: Math.random().toString(36).slice(2),
      drag: null, zoom: 1, isAuto: true, family: 0, selected: data.selected,
    };
    for (const name of ['filter', 'families', 'chips', 'what', 'acts', 'zooms', 'help', 'stage', 'tag', 'live', 'marker', 'ring', 'wires', 'solids']) {
      s[name] = root.querySelector('.' + name);
    }
    s.svg = s.stage.querySelector('svg');
    states.set(root, s);
    connect(s);
  }
  const before = s.data;
  s.component = component;
  s.data = data;
  const isAnswered = s.sent === null || data.seen === s.sent;
  if (isAnswered) {
    s.sent = null;
    clearTimeout(s.timer);
    s.selected = data.selected;
  }
  if (before && data.seen !== before.seen && data.said) s.live.textContent = data.said;
  drawPalette(s);
  drawStage(s);
  drawBar(s);
  drawHelp(s);
  if (isAnswered && before && before.selected !== data.selected) reveal(s);
  return () => {
    clearTimeout(s.timer);
    clearTimeout(s.sender);
    cancelAnimationFrame(s.frame);
    s.watcher.disconnect();
    states.delete(root);
  };
}

// --- telling Python

function tell(s, kind, more) {
  const action = { kind, id: s.selected || '', ...more, n: `${s.name}-${++s.count}` };
  const last = s.queue[s.queue.length - 1];
  if (last && last.kind === 'select' && kind === 'select') s.queue.pop();
  s.queue.push(action);
  s.sent = action.n;
  clearTimeout(s.timer);
  s.timer = setTimeout(() => {
    s.sent = null;
    s.data = s.component.data;
    s.selected = s.data.selected;
    drawStage(s);
    drawBar(s);
  }, ANSWER_MS);
  if (!s.sender) send(s);
}

function send(s) {
  const action = s.queue.shift();
  s.sender = 0;
  if (!action) return;
  s.component.setTriggerValue('event', action);
  s.sender = setTimeout(() => send(s), GAP_MS);
}

// --- drawing

function make(parent, name, className, attributes = {}) {
  const node = name === 'button' || name === 'span' || name === 'div' || name === 'kbd' ? document.createElement(name) : document.createElementNS(SPACE, name);
  node.setAttribute('class', className);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  parent.appendChild(node);
  return node;
}

function write(parent, className, words, x, y) {
  make(parent, 'text', className, { x, y }).textContent = words; // text, never markup: names may be anybody's
}

function button(parent, className, words, attributes = {}) {
  const node = make(parent, 'button', className, { type: 'button', ...attributes });
  node.textContent = words;
  return node;
}

function drawPalette(s) {
  const { palette, words } = s.data;
  const wanted = fold(s.filter.value.trim());
  const signature = JSON.stringify([palette, wanted, s.family]);
  if (signature === s.drawnPalette) return;
  s.drawnPalette = signature;
  s.filter.placeholder = words.filter;
  s.filter.setAttribute('aria-label', words.filter);
  const focused = s.families.getRootNode().activeElement;
  const at = [...s.families.children].indexOf(focused);
  s.families.replaceChildren();
  s.families.setAttribute('role', 'group');
  s.families.setAttribute('aria-label', words.families);
  palette.forEach((family, i) => {
    button(s.families, 'family', family.title, { 'aria-pressed': String(!wanted && i === s.family), 'data-family': i }).style.setProperty('--mark', family.colour);
  });
  if (at >= 0) s.families.children[at].focus();
  s.chips.replaceChildren();
  s.chips.setAttribute('role', 'group');
  s.chips.setAttribute('aria-label', words.palette);
  for (const [i, family] of palette.entries()) {
    for (const one of family.kinds) {
      if (wanted ? !fold(`${one.title} ${one.kind} ${family.title}`).includes(wanted) : i !== s.family) continue;
      const chip = button(s.chips, 'chip', one.title, { 'data-kind': one.kind, title: one.help, 'aria-label': `${words.add}: ${one.title}` });
      chip.style.setProperty('--mark', family.colour);
    }
  }
  if (!s.chips.children.length) make(s.chips, 'span', 'none').textContent = words.none;
}

function fold(words) {
  return words.toLowerCase().normalize('NFD').replace(/\p{M}/gu, '');
}

function drawBar(s) {
  const { words, can_paste: canPaste } = s.data;
  const solid = find(s, s.selected);
  const isLayer = Boolean(solid) && solid.role !== 'slot';
  const isBlock = isLayer && solid.open !== null;
  s.what.textContent = solid ? solid.title : words.nothing;
  s.what.parentElement.setAttribute('aria-label', words.bar);
  const acts = [
    ['open', isBlock && solid.open ? words.close : words.open, isBlock, 'Enter', isBlock],
    ['duplicate', words.duplicate, isLayer, 'Control+D', true],
    ['copy', words.copy, isLayer, 'Control+C', true],
    ['paste', words.paste, canPaste, 'Control+V', true],
    ['left', words.left, isLayer && solid.at > 0, 'Alt+ArrowLeft', true],
    ['right', words.right, isLayer && solid.at < solid.of - 1, 'Alt+ArrowRight', true],
    ['more', words.more, isLayer && solid.more, '', isLayer && solid.more],
    ['fewer', words.fewer, isLayer && solid.fewer, '', isLayer && solid.fewer],
    ['remove', words.remove, isLayer, 'Delete', true],
  ];
  fillButtons(s.acts, acts);
  fillButtons(s.zooms, [
    ['less', '−', true, '-', true, words.smaller],
    ['many', `${Math.round(s.zoom * 100)} %`, true, '', true, words.actual],
    ['great', '+', true, '+', true, words.larger],
    ['fit', words.fit, true, '0', true],
    ['keys', words.keys, true, '?', true],
  ]);
  s.zooms.querySelector('.keys').setAttribute('aria-expanded', String(!s.help.hidden));
}

function fillButtons(parent, buttons) {
  for (const [name, words, isOn, keys, isShown, label] of buttons) {
    const node = parent.querySelector('.' + name) || button(parent, name, '', { 'data-act': name });
    if (node.textContent !== words) node.textContent = words;
    node.disabled = !isOn;
    node.hidden = !isShown;
    if (label) node.setAttribute('aria-label', label);
    node.title = [label || words, keys && `(${keys.replace('Control', 'Ctrl').replace('Arrow', '')})`].filter(Boolean).join(' ');
    if (keys) node.setAttribute('aria-keyshortcuts', keys);
  }
}

function drawHelp(s) {
  const signature = JSON.stringify(s.data.help);
  if (signature === s.drawnHelp) return;
  s.drawnHelp = signature;
  s.help.replaceChildren();
  for (const [keys, words] of s.data.help) {
    const line = make(s.help, 'div', 'key');
    if (keys) make(line, 'kbd', '').textContent = keys;
    make(line, 'span', '').textContent = words;
  }
}

function drawStage(s) {
  const { data, svg } = s;
  const hadFocus = s.solids.contains(svg.getRootNode().activeElement);
  svg.setAttribute('aria-label', data.words.tree);
  svg.setAttribute('viewBox', `0 0 ${data.width} ${data.height}`);
  s.wires.replaceChildren();
  for (const [path, head] of data.wires) {
    make(s.wires, 'path', 'wire', { d: path });
    if (head) make(s.wires, 'path', 'head', { d: head });
  }
  for (const [x, y, r, path] of data.joints) {
    const joint = make(s.wires, 'g', 'joint');
    make(joint, 'circle', '', { cx: x, cy: y, r });
    make(joint, 'path', '', { d: path });
  }
  const old = new Map([...s.solids.children].map(node => [node.dataset.id, node]));
  if (!find(s, s.selected)) s.selected = data.selected;
  const first = walkable(s)[0];
  const tabbed = find(s, s.selected) ? s.selected : first && first.id;
  data.solids.forEach((solid, i) => {
    const node = old.get(solid.id) || make(s.solids, 'g', '', { 'data-id': solid.id });
    old.delete(solid.id);
    fillSolid(s, node, solid, tabbed);
    if (s.solids.children[i] !== node) s.solids.insertBefore(node, s.solids.children[i] || null);
  });
  old.forEach(node => node.remove());
  drawRing(s);
  fit(s);
  if (hadFocus && !s.solids.contains(svg.getRootNode().activeElement)) focus(s);
}

// The ring lies over everything, so that no slab hides it.
function drawRing(s) {
  const solid = find(s, s.selected);
  s.ring.setAttribute('visibility', solid ? 'visible' : 'hidden');
  if (!solid) return;
  s.ring.style.transform = `translate(${solid.x - 4}px, ${solid.y + solid.top - 4}px)`;
  s.ring.setAttribute('width', solid.right + 8);
  s.ring.setAttribute('height', solid.height - solid.top + 8);
}

function fillSolid(s, node, solid, tabbed) {
  const isSelected = solid.id === s.selected && solid.role !== 'input' && !solid.fixed;
  const marks = { selected: isSelected, problem: solid.problem, ghost: solid.ghost, slab: solid.slab, fixed: solid.fixed, held: s.drag && s.drag.isOn && s.drag.id === solid.id };
  node.setAttribute('class', ['solid', solid.role, ...Object.keys(marks).filter(name => marks[name])].join(' '));
  node.style.transform = `translate(${solid.x}px, ${solid.y}px)`;
  if (solid.role === 'input' || solid.fixed) {
    node.setAttribute('aria-hidden', 'true');
  } else {
    node.setAttribute('role', 'treeitem');
    node.setAttribute('tabindex', solid.id === tabbed ? '0' : '-1');
    node.setAttribute('aria-label', solid.label);
    node.setAttribute('aria-selected', String(isSelected));
    node.setAttribute('aria-level', solid.level);
    node.setAttribute('aria-posinset', solid.at + 1);
    node.setAttribute('aria-setsize', solid.of);
    if (solid.open === null) node.removeAttribute('aria-expanded');
    else node.setAttribute('aria-expanded', String(solid.open));
  }
  const signature = JSON.stringify({ ...solid, x: 0, y: 0, at: 0, of: 0, more: 0, fewer: 0, label: '', level: 0 });
  if (node.drawn === signature) return;
  node.drawn = signature;
  node.replaceChildren();
  if (!solid.fixed && solid.role !== 'input') make(node, 'title', '').textContent = solid.label;
  const { width, height, top, right } = solid;
  const centre = right / 2;
  if (solid.role === 'frame') {
    make(node, 'rect', 'pane', { width, height, fill: solid.colour, stroke: solid.colour });
    write(node, 'name start', solid.name, 32, 19);
    write(node, 'more', solid.lines.join(' '), 40 + solid.name.length * 6.9, 19);
    chevron(node, 17, 15, true);
  } else {
    make(node, 'rect', 'hit', { x: -3, y: top - 18, width: right + 6 - (solid.slab ? right - width : 0), height: height - top + 18 });
    for (const [path, colour] of solid.faces) make(node, 'path', 'face', { d: path, fill: colour });
    if (solid.stripes && !solid.ghost) make(node, 'path', 'stripes', { d: solid.stripes });
    write(node, 'name', solid.name, centre, solid.role === 'slot' ? height / 2 + 4 : top - 9);
    solid.lines.forEach((line, i) => write(node, 'line', line, centre, height + 15 + 13 * i));
    if (solid.open === false) chevron(node, width / 2, height / 2, false);
  }
  if (solid.problem) {
    const badge = make(node, 'g', 'badge');
    const [x, y] = solid.role === 'frame' ? [width - 16, 15] : [width / 2, Math.min(14, height / 2)];
    make(badge, 'circle', '', { cx: x, cy: y, r: 8 });
    write(badge, '', '!', x, y + 4);
  }
}

function chevron(node, x, y, isOpen) {
  const mark = make(node, 'g', 'chevron');
  make(mark, 'circle', '', { cx: x, cy: y, r: 9 });
  make(mark, 'path', '', { d: isOpen ? `M${x - 4} ${y - 2}l4 4l4-4` : `M${x - 2} ${y - 4}l4 4l-4 4` });
}

function fit(s) {
  const room = s.stage.clientWidth - 4;
  if (room <= 0) return;
  const whole = Math.min(room / s.data.width, TALL_PX / s.data.height);
  if (s.isAuto) s.zoom = Math.min(Math.max(whole, s.isWhole ? ZOOM.least : ZOOM.low), ZOOM.high);
  s.svg.style.width = `${s.data.width * s.zoom}px`;
  s.svg.style.height = `${s.data.height * s.zoom}px`;
}

function zoomTo(s, zoom, x = s.stage.clientWidth / 2) {
  const before = s.zoom, at = (s.stage.scrollLeft + x) / before;
  s.isAuto = false;
  s.zoom = Math.min(Math.max(zoom, ZOOM.least), ZOOM.most);
  fit(s);
  s.stage.scrollLeft = at * s.zoom - x;
  drawBar(s);
}

function fitWhole(s) {
  s.isAuto = s.isWhole = true;
  fit(s);
  drawBar(s);
}

// --- choosing

function find(s, id) {
  return id ? s.data.solids.find(solid => solid.id === id) : undefined;
}

function walkable(s) {
  return s.data.solids.filter(solid => solid.role !== 'input' && !solid.fixed);
}

function lane(s, parent, branch) {
  return walkable(s).filter(solid => solid.parent === parent && solid.branch === branch);
}

function choose(s, id, hasFocus = true) {
  if (!find(s, id)) return;
  const isNew = s.selected !== id;
  s.selected = id;
  for (const solid of s.data.solids) fillSolid(s, s.solids.querySelector(`[data-id="${CSS.escape(solid.id)}"]`), solid, id);
  drawRing(s);
  drawBar(s);
  if (hasFocus) focus(s);
  if (isNew) tell(s, 'select', { id });
}

function focus(s) {
  s.solids.querySelector('[tabindex="0"]')?.focus({ preventScroll: true });
  reveal(s);
}

function reveal(s) {
  const solid = find(s, s.selected);
  if (!solid) return;
  const left = solid.x * s.zoom, right = (solid.x + solid.right) * s.zoom, { stage } = s;
  const top = (solid.y + solid.top) * s.zoom, bottom = (solid.y + solid.height) * s.zoom;
  if (left < stage.scrollLeft + 30) stage.scrollLeft = left - 60;
  else if (right > stage.scrollLeft + stage.clientWidth - 30) stage.scrollLeft = Math.min(right - stage.clientWidth + 60, left - 30);
  if (top < stage.scrollTop + 24) stage.scrollTop = top - 30;
  else if (bottom > stage.scrollTop + stage.clientHeight) stage.scrollTop = Math.min(bottom - stage.clientHeight + 40, top - 24);
}

function neighbour(s, key) {
  const here = find(s, s.selected);
  if (!here) return walkable(s)[0];
  const beside = lane(s, here.parent, here.branch);
  const at = beside.indexOf(here);
  if (key === 'Home') return beside[0];
  if (key === 'End') return beside[beside.length - 1];
  if (key === 'ArrowLeft') return beside[at - 1];
  if (key === 'ArrowRight') return beside[at + 1];
  if (key === 'ArrowDown') return walkable(s).find(one => one.parent === here.id) || lane(s, here.parent, here.branch + 1)[0];
  return (here.branch && lane(s, here.parent, here.branch - 1)[0]) || find(s, here.parent);
}

// --- a move, before Python has answered

function foresee(s, id, at) {
  const moved = find(s, id), beside = lane(s, moved.parent, moved.branch), from = moved.at;
  const to = at - (at > from);
  if (to === from || to < 0 || to >= beside.length) return;
  const pitch = i => (beside[i + 1] ? beside[i + 1].x : beside[i].x + beside[i].right + 26) - beside[i].x;
  const steps = new Map(beside.map((one, i) => [one.id, [0, i]]));
  for (let i = Math.min(from, to); i <= Math.max(from, to); i++) steps.set(beside[i].id, to > from ? [-pitch(from), i - 1] : [pitch(from), i + 1]);
  steps.set(id, [to > from ? beside[to].x + pitch(to) - pitch(from) - moved.x : beside[to].x - moved.x, to]);
  const root = solid => (!solid || steps.has(solid.id) ? solid : root(find(s, solid.parent)));
  const solids = s.data.solids.map(solid => {
    const step = steps.get(root(solid)?.id);
    return step ? { ...solid, x: solid.x + step[0], at: steps.has(solid.id) ? step[1] : solid.at } : solid;
  });
  const isMoved = solid => root(find(s, solid.id))?.id === id;
  const rest = solids.filter(solid => !isMoved(solid));
  const ends = rest.map(solid => root(find(s, solid.id))?.id === beside[to].id);
  rest.splice(to > from ? ends.lastIndexOf(true) + 1 : ends.indexOf(true), 0, ...solids.filter(isMoved));
  s.data = { ...s.data, solids: rest };
  drawStage(s);
}

// --- what keys and buttons do

const ACTS = {
  open: s => find(s, s.selected)?.open !== null && tell(s, 'toggle'),
  duplicate: s => tell(s, 'duplicate'),
  copy: s => tell(s, 'copy'),
  cut: s => tell(s, 'cut'),
  paste: s => s.data.can_paste && tell(s, 'paste'),
  left: s => shift(s, 'left', -1),
  right: s => shift(s, 'right', 2),
  up: s => tell(s, 'shift', { way: 'up' }),
  down: s => tell(s, 'shift', { way: 'down' }),
  more: s => tell(s, 'branches', { by: 1 }),
  fewer: s => tell(s, 'branches', { by: -1 }),
  remove: s => tell(s, 'remove'),
  less: s => zoomTo(s, s.zoom / ZOOM.step),
  many: s => zoomTo(s, 1),
  great: s => zoomTo(s, s.zoom * ZOOM.step),
  fit: fitWhole,
  keys: s => {
    s.help.hidden = !s.help.hidden;
    drawBar(s);
  },
};

function shift(s, way, by) {
  const solid = find(s, s.selected);
  if (!solid || solid.role === 'slot') return;
  foresee(s, solid.id, solid.at + by);
  drawBar(s);
  reveal(s);
  tell(s, 'shift', { way });
}

const PLAIN = { Delete: 'remove', Backspace: 'remove', Enter: 'open', '+': 'great', '=': 'great', '-': 'less', 0: 'fit', '?': 'keys' };
const HELD = { d: 'duplicate', c: 'copy', x: 'cut', v: 'paste' };
const PUSHED = { ArrowLeft: 'left', ArrowRight: 'right', ArrowUp: 'up', ArrowDown: 'down' };

function onKey(s, event) {
  if (event.key === 'Escape' && s.drag) {
    drop(s, false);
  } else if (event.key === 'Escape' && !s.help.hidden) {
    ACTS.keys(s);
  } else if (event.target === s.filter) {
    if (event.key !== 'Enter') return;
    s.chips.querySelector('.chip')?.click();
  } else if (s.solids.contains(event.target)) {
    const isHeld = event.ctrlKey || event.metaKey;
    const act = isHeld && !event.altKey && !event.shiftKey ? HELD[event.key.toLowerCase()] : event.altKey && !isHeld ? PUSHED[event.key] : isHeld || event.altKey ? null : PLAIN[event.key];
    if (act) {
      ACTS[act](s);
    } else if (!isHeld && !event.altKey && /^(Arrow|Home|End)/.test(event.key)) {
      const next = neighbour(s, event.key);
      if (next) choose(s, next.id);
    } else {
      return;
    }
  } else {
    return;
  }
  event.preventDefault();
  event.stopPropagation();
}

// --- hands

function solidAt(s, target) {
  const node = target.closest('.solid');
  if (!node || !s.solids.contains(node)) return null;
  const solid = s.data.solids.find(one => one.id === node.dataset.id);
  if (!solid || solid.role === 'input') return null;
  return solid.fixed ? find(s, solid.parent) : solid;
}

function nearestGap(s, event) {
  const stage = s.stage.getBoundingClientRect();
  if (event.clientX < stage.left - 20 || event.clientX > stage.right + 20 || event.clientY < stage.top - 20 || event.clientY > stage.bottom + 20) return null;
  const box = s.svg.getBoundingClientRect();
  const x = (event.clientX - box.left) / s.zoom, y = (event.clientY - box.top) / s.zoom;
  const isInside = id => {
    for (let one = id; one; one = find(s, one)?.parent) if (one === s.drag.id) return true;
    return false;
  };
  let best = null, least = Infinity;
  for (const gap of s.data.gaps) {
    if (s.drag.id && isInside(gap.place.inside)) continue;
    const far = Math.abs(x - gap.x) + 3 * Math.max(0, Math.abs(y - gap.y) - gap.height / 2);
    if (far < least) [best, least] = [gap, far];
  }
  return best;
}

function follow(s, event) {
  s.drag.event = event;
  s.tag.style.transform = `translate(${event.clientX + 14}px, ${event.clientY + 14}px)`;
  const gap = (s.drag.gap = nearestGap(s, event));
  const half = gap ? gap.height / 2 : 0;
  s.marker.setAttribute('d', gap ? `M${gap.x} ${gap.y - half}v${2 * half}m-5 0h10M${gap.x - 5} ${gap.y - half}h10` : '');
}

function roll(s) {
  // A long net is longer than the stage: dragging near an edge scrolls it.
  if (!s.drag || !s.drag.isOn) return;
  const { event } = s.drag, box = s.stage.getBoundingClientRect();
  if (event.clientY > box.top - 20 && event.clientY < box.bottom + 20) {
    const by = (at, low, high) => (at < low + EDGE_PX ? -1 : at > high - EDGE_PX ? 1 : 0);
    s.stage.scrollLeft += 11 * by(event.clientX, box.left, box.right);
    if (s.stage.scrollHeight > s.stage.clientHeight + 4) s.stage.scrollTop += 7 * by(event.clientY, box.top - 30, box.bottom + 30);
    follow(s, event);
  }
  s.frame = requestAnimationFrame(() => roll(s));
}

function drop(s, isDone) {
  const { drag } = s;
  s.drag = null;
  cancelAnimationFrame(s.frame);
  s.tag.hidden = true;
  s.marker.setAttribute('d', '');
  s.canvas.classList.remove('dragging');
  if (!drag || !drag.isOn) return;
  s.hasDragged = true; // the click that ends a drag does nothing
  setTimeout(() => { s.hasDragged = false; }, 0);
  drawStage(s);
  if (!isDone || !drag.gap) return;
  if (drag.id) {
    const solid = find(s, drag.id), { place } = drag.gap;
    if (!solid) return;
    s.selected = drag.id;
    if (place.inside === solid.parent && place.branch === solid.branch) foresee(s, drag.id, place.at);
    drawStage(s);
    drawBar(s);
    tell(s, 'move', { id: drag.id, place });
  } else {
    tell(s, 'add', { layer: drag.kind, place: drag.gap.place });
  }
}

function connect(s) {
  const { canvas, stage } = s;
  s.watcher = new ResizeObserver(() => {
    if (s.data && s.width !== stage.clientWidth) {
      s.width = stage.clientWidth;
      fit(s);
      drawBar(s);
    }
  });
  s.watcher.observe(stage);
  s.filter.oninput = () => drawPalette(s);
  canvas.onkeydown = event => onKey(s, event);
  canvas.onclick = event => {
    if (s.hasDragged) return;
    const family = event.target.closest('.family'), chip = event.target.closest('.chip'), act = event.target.closest('[data-act]');
    if (family) {
      s.family = Number(family.dataset.family);
      s.filter.value = '';
      drawPalette(s);
    } else if (chip) {
      tell(s, 'add', { layer: chip.dataset.kind });
    } else if (act) {
      ACTS[act.dataset.act](s);
    } else {
      const solid = solidAt(s, event.target);
      if (!solid) return;
      choose(s, solid.id);
      if (event.target.closest('.chevron')) tell(s, 'toggle', { id: solid.id });
    }
  };
  canvas.ondblclick = event => {
    const solid = event.target.closest('.chevron') ? null : solidAt(s, event.target);
    if (solid && solid.open !== null) tell(s, 'toggle', { id: solid.id });
  };
  stage.addEventListener('wheel', event => {
    if (!event.ctrlKey) return;
    event.preventDefault();
    zoomTo(s, s.zoom * (event.deltaY < 0 ? 1.1 : 1 / 1.1), event.clientX - stage.getBoundingClientRect().left);
  }, { passive: false });
  // The finger that holds the chosen layer does not scroll; browsers do not heed touch-action on parts of an SVG.
  stage.addEventListener('touchmove', event => { if (s.drag && s.drag.id) event.preventDefault(); }, { passive: false });

  canvas.onpointerdown = event => {
    if (event.button || s.drag) return;
    const chip = event.target.closest('.chip'), solid = chip || event.target.closest('.chevron') ? null : solidAt(s, event.target);
    // A finger moves the chosen layer only, so that all the rest still scrolls.
    if (!chip && (!solid || solid.role === 'slot' || (event.pointerType !== 'mouse' && solid.id !== s.selected))) return;
    s.drag = { id: solid ? solid.id : '', kind: chip ? chip.dataset.kind : '', x: event.clientX, y: event.clientY, pointer: event.pointerId, isOn: false };
    s.drag.words = chip ? chip.textContent : solid.title;
    s.drag.colour = chip ? chip.style.getPropertyValue('--mark') : solid.colour;
  };
  canvas.onpointermove = event => {
    const { drag } = s;
    if (!drag || event.pointerId !== drag.pointer) return;
    if (!drag.isOn) {
      if (Math.hypot(event.clientX - drag.x, event.clientY - drag.y) < 5) return;
      drag.isOn = true;
      canvas.setPointerCapture(drag.pointer);
      canvas.classList.add('dragging');
      s.tag.textContent = drag.words;
      s.tag.style.setProperty('--mark', drag.colour);
      s.tag.hidden = false;
      if (drag.id) s.solids.querySelector(`[data-id="${CSS.escape(drag.id)}"]`).classList.add('held');
      drag.event = event;
      s.frame = requestAnimationFrame(() => roll(s));
    }
    follow(s, event);
  };
  canvas.onpointerup = event => { if (s.drag && event.pointerId === s.drag.pointer) drop(s, true); };
  canvas.onpointercancel = event => { if (s.drag && event.pointerId === s.drag.pointer) drop(s, false); };
}

// Canvas of a net. Python owns the net and its layout; edits are sent to Python, which responds with the new drawing and the number of
// the last action it has handled. Until then the selection, and a layer moved among its neighbours, are shown as a preview.
//
// data: { solids: [{ id, role, x, y, width, height, top, right, faces: [[path, colour]], stripes, name, lines, title, label, level,
//   parent, branch, at, of, problem, ghost, slab, fixed, open, more, fewer }], wires: [[path, head]], joints: [[x, y, r, path]],
//   gaps: [{ x, y, height, place }], width, height, selected, queue, announcement, can_paste, palette: [{ title, colour, kinds: [{ kind,
//   title, help }] }], help: [[keys, words]], words }

const SPACE = 'http://www.w3.org/2000/svg';
const RESPONSE_MS = 8000; // after so long without a response, the drawing returns to Python's last state
const EDGE_PX = 56;
const ZOOM = { min: 0.3, max: 4, step: 1.25, low: 0.8, high: 1.6 };
const TALL_PX = 580; // a net that is higher than this is not enlarged by itself
const states = new WeakMap();

export default function (component) {
  const { parentElement: root, data } = component;
  let s = states.get(root);
  if (!s) {
    s = {
      root, canvas: root.querySelector('.canvas'), sent: null, count: 0, name: Math.random().toString(36).slice(2),
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
  const isAcknowledged = acknowledge(data.queue) >= s.sent;
  // The response to the first of several actions would show layers again that later ones removed, and direct the keys to them.
  s.data = isAcknowledged ? data : { ...data, ...pictureOf(before) };
  if (isAcknowledged) {
    s.sent = null;
    clearTimeout(s.timer);
    s.selected = data.selected;
  }
  if (before && data.queue.acknowledged_own !== before.queue.acknowledged_own && data.announcement) s.live.textContent = data.announcement;
  drawPalette(s);
  drawStage(s);
  drawBar(s);
  drawHelp(s);
  if (isAcknowledged && before && before.selected !== data.selected) reveal(s);
  return () => {
    clearTimeout(s.timer);
    cancelAnimationFrame(s.frame);
    s.watcher.disconnect();
    states.delete(root);
  };
}

// --- sending actions to Python

function pictureOf({ solids, wires, joints, gaps, width, height, selected }) {
  return { solids, wires, joints, gaps, width, height, selected };
}

function sendEdit(s, kind, more) {
  const action = { kind, id: s.selected || '', ...more };
  s.sent = sendAction(s.root, s.component, s.component.data.queue, action, (last, next) => last.kind === 'select' && next.kind === 'select');
  clearTimeout(s.timer);
  s.timer = setTimeout(() => {
    s.sent = null;
    s.data = s.component.data;
    s.selected = s.data.selected;
    drawStage(s);
    drawBar(s);
  }, RESPONSE_MS);
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
  make(parent, 'text', className, { x, y }).textContent = words; // as text, never markup: names may come from other visitors
}

function button(parent, className, words, attributes = {}) {
  const node = make(parent, 'button', className, { type: 'button', ...attributes });
  node.textContent = words;
  return node;
}

function drawPalette(s) {
  const { palette, words } = s.data;
  const query = fold(s.filter.value.trim());
  const signature = JSON.stringify([palette, query, s.family]);
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
    button(s.families, 'family', family.title, { 'aria-pressed': String(!query && i === s.family), 'data-family': i }).style.setProperty('--mark', family.colour);
  });
  if (at >= 0) s.families.children[at].focus();
  s.chips.replaceChildren();
  s.chips.setAttribute('role', 'group');
  s.chips.setAttribute('aria-label', words.palette);
  for (const [i, family] of palette.entries()) {
    for (const layer of family.kinds) {
      if (query ? !fold(`${layer.title} ${layer.kind} ${family.title}`).includes(query) : i !== s.family) continue;
      const chip = button(s.chips, 'chip', layer.title, { 'data-kind': layer.kind, title: layer.help, 'aria-label': `${words.add}: ${layer.title}` });
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
  const tabbed = find(s, s.selected) ? s.selected : first?.id;
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
  const marks = { selected: isSelected, problem: solid.problem, ghost: solid.ghost, slab: solid.slab, fixed: solid.fixed, held: s.drag?.isOn && s.drag.id === solid.id };
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
  if (s.isAuto) s.zoom = Math.min(Math.max(whole, s.isWhole ? ZOOM.min : ZOOM.low), ZOOM.high);
  s.svg.style.width = `${s.data.width * s.zoom}px`;
  s.svg.style.height = `${s.data.height * s.zoom}px`;
}

function zoomTo(s, zoom, x = s.stage.clientWidth / 2) {
  const before = s.zoom, at = (s.stage.scrollLeft + x) / before;
  s.isAuto = false;
  s.zoom = Math.min(Math.max(zoom, ZOOM.min), ZOOM.max);
  fit(s);
  s.stage.scrollLeft = at * s.zoom - x;
  drawBar(s);
}

function fitWhole(s) {
  s.isAuto = s.isWhole = true;
  fit(s);
  drawBar(s);
}


// Interaction with the net: selection, keyboard, buttons, dragging. Appended to view.js in the same module.

// --- selection

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
  if (isNew) sendEdit(s, 'select', { id });
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
  if (key === 'ArrowDown') return walkable(s).find(solid => solid.parent === here.id) || lane(s, here.parent, here.branch + 1)[0];
  return (here.branch && lane(s, here.parent, here.branch - 1)[0]) || find(s, here.parent);
}

// --- preview of a change, before Python responds

const ROOM_PX = 26; // between two volumes
const PROVISIONAL = 'provisional-'; // prefix of a new layer's provisional id until Python assigns one; Python maps it to the layer

function pitch(beside, i) {
  return (beside[i + 1] ? beside[i + 1].x : beside[i].x + beside[i].right + ROOM_PX) - beside[i].x;
}

// The solids with the layers of one lane moved along, and which of those layers each solid stands in; `steps`: how far, to which place.
function shiftSolids(s, steps) {
  const root = solid => (!solid || steps.has(solid.id) ? solid : root(find(s, solid.parent)));
  const within = new Map(s.data.solids.map(solid => [solid.id, root(solid)?.id]));
  const solids = s.data.solids.map(solid => {
    const step = steps.get(within.get(solid.id));
    return step ? { ...solid, x: solid.x + step[0], at: steps.has(solid.id) ? step[1] : solid.at } : solid;
  });
  return [solids, within];
}

function previewMove(s, id, at) {
  const moved = find(s, id), beside = lane(s, moved.parent, moved.branch), from = moved.at;
  const to = at - (at > from);
  if (to === from || to < 0 || to >= beside.length) return;
  const steps = new Map(beside.map((solid, i) => [solid.id, [0, i]]));
  const offset = to > from ? -pitch(beside, from) : pitch(beside, from);
  for (let i = Math.min(from, to); i <= Math.max(from, to); i++) steps.set(beside[i].id, [offset, i + (to > from ? -1 : 1)]);
  steps.set(id, [to > from ? beside[to].x + pitch(beside, to) - pitch(beside, from) - moved.x : beside[to].x - moved.x, to]);
  const [solids, within] = shiftSolids(s, steps);
  const isMoved = solid => within.get(solid.id) === id;
  const rest = solids.filter(solid => !isMoved(solid));
  const ends = rest.map(solid => within.get(solid.id) === beside[to].id);
  rest.splice(to > from ? ends.lastIndexOf(true) + 1 : ends.indexOf(true), 0, ...solids.filter(isMoved));
  s.data = { ...s.data, solids: rest };
  drawStage(s);
}

function previewRemoval(s) {
  const removed = find(s, s.selected);
  if (!removed || removed.role === 'slot') return;
  const beside = lane(s, removed.parent, removed.branch), from = removed.at;
  if (beside.length < 2) return; // an emptied branch gets a place of its own
  const [solids, within] = shiftSolids(s, new Map(beside.map((solid, i) => [solid.id, i > from ? [-pitch(beside, from), i - 1] : [0, i]])));
  s.data = { ...s.data, solids: solids.filter(solid => within.get(solid.id) !== removed.id) };
  s.selected = (beside[from + 1] || beside[from - 1]).id;
  drawStage(s);
  drawBar(s);
}

// A new layer behind another one: a copy of it, or a plain volume in the colour of its family.
function previewNewLayer(s, before, kind, id) {
  if (!before || before.role === 'slot' || before.role === 'frame') return;
  const family = s.data.palette.find(family => family.kinds.some(other => other.kind === kind));
  const title = family?.kinds.find(other => other.kind === kind).title;
  const plain = family && {
    role: 'layer', width: 14, right: 14, top: 0, colour: family.colour, faces: [[`M0 0h14v${before.height}h-14z`, family.colour]], stripes: '',
    name: title, lines: [], title, label: title, problem: false, slab: false, open: null, more: false, fewer: false,
  };
  const beside = lane(s, before.parent, before.branch), from = before.at;
  const added = { ...before, ...plain, id, x: before.x + pitch(beside, from), at: from + 1 };
  const room = added.right + ROOM_PX;
  const [solids, within] = shiftSolids(s, new Map(beside.map((solid, i) => [solid.id, i > from ? [room, i + 1] : [0, i]])));
  solids.splice(solids.map(solid => within.get(solid.id) === before.id).lastIndexOf(true) + 1, 0, added);
  s.data = { ...s.data, solids, width: s.data.width + room };
  s.selected = added.id;
  drawStage(s);
  drawBar(s);
}

// --- actions of keys and buttons

const ACTS = {
  open: s => find(s, s.selected)?.open !== null && sendEdit(s, 'toggle'),
  duplicate: s => sendWithPreview(s, 'duplicate', id => previewNewLayer(s, find(s, s.selected), '', id)),
  copy: s => { s.hasCopied = true; sendEdit(s, 'copy'); },
  cut: s => { s.hasCopied = true; sendWithPreview(s, 'cut', () => previewRemoval(s)); },
  paste: s => (s.data.can_paste || s.hasCopied) && sendEdit(s, 'paste'), // also before Python has acknowledged the copy
  left: s => shift(s, 'left', -1),
  right: s => shift(s, 'right', 2),
  up: s => sendEdit(s, 'shift', { direction: 'up' }),
  down: s => sendEdit(s, 'shift', { direction: 'down' }),
  more: s => sendEdit(s, 'branches', { by: 1 }),
  fewer: s => sendEdit(s, 'branches', { by: -1 }),
  remove: s => sendWithPreview(s, 'remove', () => previewRemoval(s)),
  less: s => zoomTo(s, s.zoom / ZOOM.step),
  many: s => zoomTo(s, 1),
  great: s => zoomTo(s, s.zoom * ZOOM.step),
  fit: fitWhole,
  keys: s => {
    s.help.hidden = !s.help.hidden;
    drawBar(s);
  },
};

// The new layer gets a provisional id at once, so that the next key can apply to it.
function sendWithPreview(s, kind, show, more) {
  const provisionalId = `${PROVISIONAL}${s.name}-${++s.count}`;
  sendEdit(s, kind, { provisional_id: provisionalId, ...more });
  show(provisionalId);
}

function shift(s, direction, by) {
  const solid = find(s, s.selected);
  if (!solid || solid.role === 'slot') return;
  previewMove(s, solid.id, solid.at + by);
  drawBar(s);
  reveal(s);
  sendEdit(s, 'shift', { direction });
}

const PLAIN_KEYS = { Delete: 'remove', Backspace: 'remove', Enter: 'open', '+': 'great', '=': 'great', '-': 'less', 0: 'fit', '?': 'keys' };
const CONTROL_KEYS = { d: 'duplicate', c: 'copy', x: 'cut', v: 'paste' };
const ALT_KEYS = { ArrowLeft: 'left', ArrowRight: 'right', ArrowUp: 'up', ArrowDown: 'down' };

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
    const act = isHeld && !event.altKey && !event.shiftKey ? CONTROL_KEYS[event.key.toLowerCase()] : event.altKey && !isHeld ? ALT_KEYS[event.key] : isHeld || event.altKey ? null : PLAIN_KEYS[event.key];
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

// --- dragging

function solidAt(s, target) {
  const node = target.closest('.solid');
  if (!node || !s.solids.contains(node)) return null;
  const solid = s.data.solids.find(other => other.id === node.dataset.id);
  if (!solid || solid.role === 'input') return null;
  return solid.fixed ? find(s, solid.parent) : solid;
}

function nearestGap(s, event) {
  const stage = s.stage.getBoundingClientRect();
  if (event.clientX < stage.left - 20 || event.clientX > stage.right + 20 || event.clientY < stage.top - 20 || event.clientY > stage.bottom + 20) return null;
  const box = s.svg.getBoundingClientRect();
  const x = (event.clientX - box.left) / s.zoom, y = (event.clientY - box.top) / s.zoom;
  const isInside = id => {
    for (let ancestor = id; ancestor; ancestor = find(s, ancestor)?.parent) if (ancestor === s.drag.id) return true;
    return false;
  };
  let nearest = null, minDistance = Infinity;
  for (const gap of s.data.gaps) {
    if (s.drag.id && isInside(gap.place.inside)) continue;
    const distance = Math.abs(x - gap.x) + 3 * Math.max(0, Math.abs(y - gap.y) - gap.height / 2);
    if (distance < minDistance) [nearest, minDistance] = [gap, distance];
  }
  return nearest;
}

function follow(s, event) {
  s.drag.event = event;
  s.tag.style.transform = `translate(${event.clientX + 14}px, ${event.clientY + 14}px)`;
  const gap = nearestGap(s, event);
  s.drag.gap = gap;
  const half = gap ? gap.height / 2 : 0;
  s.marker.setAttribute('d', gap ? `M${gap.x} ${gap.y - half}v${2 * half}m-5 0h10M${gap.x - 5} ${gap.y - half}h10` : '');
}

function roll(s) {
  // A long net is longer than the stage: dragging near an edge scrolls it.
  if (!s.drag?.isOn) return;
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
  if (!drag?.isOn) return;
  s.hasDragged = true; // the click that ends a drag does nothing
  setTimeout(() => { s.hasDragged = false; }, 0);
  drawStage(s);
  if (!isDone || !drag.gap) return;
  if (drag.id) {
    const solid = find(s, drag.id), { place } = drag.gap;
    if (!solid) return;
    s.selected = drag.id;
    if (place.inside === solid.parent && place.branch === solid.branch) previewMove(s, drag.id, place.at);
    drawStage(s);
    drawBar(s);
    sendEdit(s, 'move', { id: drag.id, place });
  } else {
    const { place } = drag.gap;
    sendWithPreview(s, 'add', id => previewNewLayer(s, lane(s, place.inside, place.branch)[place.at - 1], drag.kind, id), { layer: drag.kind, place });
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
      sendWithPreview(s, 'add', id => previewNewLayer(s, find(s, s.selected), chip.dataset.kind, id), { layer: chip.dataset.kind });
    } else if (act) {
      ACTS[act.dataset.act](s);
    } else {
      const solid = solidAt(s, event.target);
      if (!solid) return;
      choose(s, solid.id);
      if (event.target.closest('.chevron')) sendEdit(s, 'toggle', { id: solid.id });
    }
  };
  canvas.ondblclick = event => {
    const solid = event.target.closest('.chevron') ? null : solidAt(s, event.target);
    if (solid && solid.open !== null) sendEdit(s, 'toggle', { id: solid.id });
  };
  stage.addEventListener('wheel', event => {
    if (!event.ctrlKey) return;
    event.preventDefault();
    zoomTo(s, s.zoom * (event.deltaY < 0 ? 1.1 : 1 / 1.1), event.clientX - stage.getBoundingClientRect().left);
  }, { passive: false });
  // The finger that holds the chosen layer does not scroll; browsers do not heed touch-action on parts of an SVG.
  stage.addEventListener('touchmove', event => { if (s.drag?.id) event.preventDefault(); }, { passive: false });

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

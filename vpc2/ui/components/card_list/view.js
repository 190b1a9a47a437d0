// Editable list of cards. Python owns the list: edits are sent to Python, which responds with the new list and the number of the last
// action it has handled. Until that response arrives, the cards stay as the visitor left them.

const RESPONSE_MS = 8000; // after so long without a response, the cards return to Python's last list
const STILL = matchMedia('(prefers-reduced-motion: reduce)');
const ICONS = {
  grip: '<circle cx="9" cy="6" r="1.5"/><circle cx="15" cy="6" r="1.5"/><circle cx="9" cy="12" r="1.5"/><circle cx="15" cy="12" r="1.5"/><circle cx="9" cy="18" r="1.5"/><circle cx="15" cy="18" r="1.5"/>',
  mute: '<path d="M2.5 12S6 5.5 12 5.5 21.5 12 21.5 12 18 18.5 12 18.5 2.5 12 2.5 12Z"/><circle cx="12" cy="12" r="3"/><path class="struck" d="M4 20 20 4"/>',
  duplicate: '<rect x="8.5" y="8.5" width="12" height="12" rx="2"/><path d="M15.5 8.5v-3a2 2 0 0 0-2-2h-8a2 2 0 0 0-2 2v8a2 2 0 0 0 2 2h3"/>',
  remove: '<path d="M6 6l12 12M18 6 6 18"/>',
};
const states = new WeakMap();

export default function (component) {
  const { parentElement: root, data } = component;
  let s = states.get(root);
  if (!s) {
    s = { items: [], drag: null, pressed: null, sent: null, timer: 0 };
    states.set(root, s);
    connect(root, s);
  }
  s.component = component;
  if (acknowledge(data.queue) >= s.sent && !data.waiting) settle(s);
  if (s.sent === null && !s.drag) s.items = data.items.slice();
  draw(root, s);
  return () => {
    clearTimeout(s.timer);
    states.delete(root);
  };
}

function settle(s) {
  s.sent = null;
  clearTimeout(s.timer);
}

// --- sending actions to Python

function sendEdit(root, s, kind, id) {
  const action = { kind, id: id || null, order: s.items.map(item => item.id) };
  s.sent = sendAction(root, s.component, s.component.data.queue, action, (last, next) => last.kind === next.kind && (next.kind === 'order' || next.kind === 'select'));
  clearTimeout(s.timer);
  s.timer = setTimeout(() => {
    settle(s);
    if (!s.drag) s.items = s.component.data.items.slice();
    draw(root, s);
  }, RESPONSE_MS);
}

// --- drawing

function icon(paths) {
  return `<svg viewBox="0 0 24 24" aria-hidden="true">${paths}</svg>`;
}

function makeCard(id) {
  const card = document.createElement('li');
  card.className = 'card';
  card.dataset.id = id;
  // Only constants are set as HTML; visitors' texts are set as text below.
  card.innerHTML =
    `<button type="button" class="grip">${icon(ICONS.grip)}</button>` +
    '<button type="button" class="text"><span class="title"></span><span class="meta"></span></button>' +
    `<button type="button" class="action mute">${icon(ICONS.mute)}</button>` +
    `<button type="button" class="action duplicate">${icon(ICONS.duplicate)}</button>` +
    `<button type="button" class="action remove">${icon(ICONS.remove)}</button>`;
  return card;
}

function label(button, text) {
  button.setAttribute('aria-label', text);
  button.title = text;
}

function fill(card, item, i, s) {
  const { words, selected } = s.component.data;
  const part = name => card.querySelector('.' + name);
  card.classList.toggle('off', !item.on);
  card.classList.toggle('selected', item.id === selected);
  card.style.setProperty('--mark', item.colour || 'var(--st-border-color)');
  part('title').textContent = item.name;
  part('meta').textContent = [item.on ? '' : words.muted, item.meta].filter(Boolean).join(' · ');
  part('text').setAttribute('aria-pressed', String(item.id === selected));
  part('text').title = `${words.select}: ${item.name}${item.meta ? ' · ' + item.meta : ''}`;
  part('grip').setAttribute('aria-label', `${words.move} ${item.name} (${i + 1}/${s.items.length})`);
  part('grip').title = words.move;
  label(part('mute'), `${item.on ? words.mute : words.unmute} ${item.name}`);
  label(part('duplicate'), `${words.duplicate} ${item.name}`);
  label(part('remove'), `${words.remove} ${item.name}`);
}

function draw(root, s) {
  const list = root.querySelector('.list');
  const empty = root.querySelector('.empty');
  empty.textContent = s.component.data.words.empty;
  empty.hidden = s.items.length > 0;
  const focused = root.activeElement;
  const held = focused?.closest?.('.card');
  const cards = new Map([...list.children].map(card => [card.dataset.id, card]));
  const before = new Map([...cards].map(([id, card]) => [id, card.getBoundingClientRect().top]));
  const heldAt = held ? [...list.children].indexOf(held) : -1;
  s.items.forEach((item, i) => {
    const card = cards.get(item.id) || makeCard(item.id);
    cards.delete(item.id);
    fill(card, item, i, s);
    if (list.children[i] !== card) list.insertBefore(card, list.children[i] || null);
  });
  cards.forEach(card => card.remove());
  if (held && root.activeElement !== focused) {
    const heir = held.isConnected ? held : list.children[Math.min(heldAt, list.children.length - 1)];
    if (heir) heir.querySelector('.' + focused.classList[focused.classList.length - 1])?.focus();
  }
  if (STILL.matches) return;
  for (const card of list.children) {
    const from = before.get(card.dataset.id);
    const by = from === undefined ? 0 : from - card.getBoundingClientRect().top;
    if (by && Math.abs(by) < 400 && !(s.drag && s.drag.card === card)) {
      card.animate([{ transform: `translateY(${by}px)` }, { transform: 'none' }], { duration: 140, easing: 'ease-out' });
    }
  }
}

// --- pointer and keyboard

function shift(root, s, id, by) {
  const at = s.items.findIndex(item => item.id === id);
  const to = at + by;
  if (at < 0 || to < 0 || to >= s.items.length) return;
  s.items.splice(to, 0, s.items.splice(at, 1)[0]);
  draw(root, s);
  root.querySelector('.list').children[to].querySelector('.grip').focus();
  announce(root, `${s.items[to].name}: ${to + 1}/${s.items.length}`);
  sendEdit(root, s, 'order');
}

function announce(root, text) {
  root.querySelector('.live').textContent = text;
}

function act(root, s, kind, id) {
  const item = s.items.find(item => item.id === id);
  if (!item) return;
  if (kind !== 'remove') return sendEdit(root, s, kind, id);
  announce(root, `${s.component.data.words.remove}: ${item.name}`);
  sendEdit(root, s, kind, id);
  s.items = s.items.filter(item => item.id !== id); // removed at once, so that the next key applies to the next card
  draw(root, s);
}

function follow(list) {
  // A long list is longer than the window: dragging near its edge scrolls the page.
  const page = document.querySelector('[data-testid="stMain"]');
  return y => {
    if (!page || !list) return;
    if (y < 110) page.scrollBy(0, -14);
    else if (y > innerHeight - 60) page.scrollBy(0, 14);
  };
}

function connect(root, s) {
  const list = root.querySelector('.list');
  const scroll = follow(list);
  const KINDS = { mute: 'toggle', duplicate: 'duplicate', remove: 'remove', text: 'select' };

  list.onclick = event => {
    // If the cards shift between press and release, the click goes to the list: the button that was pressed is the one meant.
    const button = event.target.closest('button') || (event.detail && s.pressed);
    const card = button?.closest('.card');
    s.pressed = null;
    if (!card || s.hasDragged) return;
    for (const [name, kind] of Object.entries(KINDS)) if (button.classList.contains(name)) act(root, s, kind, card.dataset.id);
  };

  list.onkeydown = event => {
    const card = event.target.closest('.card');
    if (!card || event.ctrlKey || event.metaKey || event.altKey) return;
    const isGrip = event.target.classList.contains('grip');
    if (isGrip && (event.key === 'ArrowUp' || event.key === 'ArrowDown')) {
      event.preventDefault();
      shift(root, s, card.dataset.id, event.key === 'ArrowUp' ? -1 : 1);
    } else if (event.key === 'Delete') {
      event.preventDefault();
      act(root, s, 'remove', card.dataset.id);
    }
  };

  list.onpointerdown = event => {
    const card = event.target.closest('.card');
    s.pressed = event.button ? null : event.target.closest('button');
    if (!card || event.button || event.target.closest('.action')) return;
    // A finger drags by the grip only, so that the rest of a card still scrolls the page.
    if (event.pointerType !== 'mouse' && !event.target.closest('.grip')) return;
    s.drag = { id: card.dataset.id, card, y: event.clientY, isOn: false, pointer: event.pointerId, before: s.items.map(item => item.id).join() };
  };

  list.onpointermove = event => {
    const drag = s.drag;
    if (!drag || event.pointerId !== drag.pointer) return;
    if (!drag.isOn) {
      if (Math.abs(event.clientY - drag.y) < 4) return;
      drag.isOn = true;
      drag.card.classList.add('dragged');
      list.setPointerCapture(drag.pointer);
    }
    scroll(event.clientY);
    const at = s.items.findIndex(item => item.id === drag.id);
    if (at < 0) return;
    const others = [...list.children].filter(card => card !== drag.card);
    let to = others.findIndex(card => {
      const box = card.getBoundingClientRect();
      return event.clientY < box.top + box.height / 2;
    });
    if (to < 0) to = others.length;
    if (to !== at) {
      s.items.splice(to, 0, s.items.splice(at, 1)[0]);
      draw(root, s);
    }
  };

  list.onpointerup = list.onpointercancel = event => {
    const drag = s.drag;
    if (!drag || event.pointerId !== drag.pointer) return;
    s.drag = null;
    drag.card.classList.remove('dragged');
    if (!drag.isOn) return;
    // The click that ends a drag selects nothing.
    s.hasDragged = true;
    setTimeout(() => { s.hasDragged = false; }, 0);
    if (s.items.map(item => item.id).join() !== drag.before) {
      const at = s.items.findIndex(item => item.id === drag.id);
      if (at >= 0) announce(root, `${s.items[at].name}: ${at + 1}/${s.items.length}`);
      sendEdit(root, s, 'order');
    }
  };
}

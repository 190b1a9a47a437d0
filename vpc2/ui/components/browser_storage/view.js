// The visitor's work in the browser. Every tab stores its own (sessionStorage), so that a reload restores it; the work of all tabs is
// also stored together (localStorage), so that a new tab starts with the latest, and a tab is notified of changes made in another one.
//
// data.json: { language, session, workspace: { kind: token }, opened, named, base, settled: { kind: at } }
// reported: stored { session, work, earlier: { kind: [tokens, oldest first] }, opened }, others { kind: { token, at } }, id

const TAB = 'vpc2-tab', ALL = 'vpc2-workspace', NAME = 'vpc2-visitor';
const MAX_TABS = 6, MAX_EARLIER = 3;
const WAIT_MS = 400; // a slider dragged in another tab changes many times a second
const states = new WeakMap();
let memory = {}, volatileId = ''; // where the browser forbids storage, values last as long as the page

function read(storage, key) {
  try { return JSON.parse(storage().getItem(key)); } catch { return memory[key] ?? null; }
}

function write(storage, key, value) {
  memory[key] = value;
  try { storage().setItem(key, JSON.stringify(value)); } catch { /* full or forbidden: links and files still keep everything */ }
}

function random() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), b => b.toString(16).padStart(2, '0')).join('');
}

const tabStore = () => sessionStorage, allStore = () => localStorage;

function allTabs() {
  const all = read(allStore, ALL) || {};
  return all.tabs || { before: { at: 0, work: all } }; // older versions of the app stored one work for all tabs
}

// The latest work of the other tabs by kind, newest first: [{ kind, token, at }].
function elsewhere(tab) {
  const entries = [];
  for (const [id, other] of Object.entries(allTabs())) {
    if (id !== tab.id) for (const [kind, token] of Object.entries(other.work || {})) entries.push({ kind, token, at: other.changed?.[kind] || other.at });
  }
  return entries.sort((a, b) => b.at - a.at);
}

function open() {
  const tab = read(tabStore, TAB);
  if (tab?.id) return tab;
  const fresh = { id: random(), work: {}, earlier: {}, seen: {}, opened: '' };
  for (const { kind, token, at } of elsewhere(fresh)) {
    fresh.seen[kind] = Math.max(fresh.seen[kind] || 0, at);
    if (!fresh.work[kind]) fresh.work[kind] = token;
    else if (token !== fresh.work[kind]) fresh.earlier[kind] = [token, ...(fresh.earlier[kind] || [])].slice(-MAX_EARLIER);
  }
  write(tabStore, TAB, fresh);
  return fresh;
}

function store(s) {
  const { tab, data } = s, now = data.workspace;
  const changed = Object.keys(now).filter(kind => now[kind] !== tab.work[kind]);
  if (!changed.length && tab.opened === data.opened) return;
  tab.work = { ...tab.work, ...now };
  tab.opened = data.opened;
  write(tabStore, TAB, tab);
  if (!changed.length) return;
  const tabs = allTabs(), at = Date.now(), mine = tabs[tab.id] || { changed: {} };
  tabs[tab.id] = { at, work: tab.work, changed: { ...mine.changed, ...Object.fromEntries(changed.map(kind => [kind, at])) } };
  const newest = Object.entries(tabs).sort((a, b) => b[1].at - a[1].at).slice(0, MAX_TABS);
  write(allStore, ALL, { tabs: Object.fromEntries(newest) });
}

// Report to Python what another tab has changed since this one was opened, or since the visitor last chose between both.
function compare(s) {
  const { tab, data, setStateValue } = s, others = {};
  for (const { kind, token, at } of elsewhere(tab)) {
    if (!others[kind] && at > Math.max(tab.seen[kind] || 0, data.settled[kind] || 0)) others[kind] = { token, at };
  }
  for (const kind of Object.keys(others)) if (others[kind].token === tab.work[kind]) delete others[kind];
  const report = JSON.stringify(others);
  if (report === s.reported) return;
  s.reported = report;
  setStateValue('others', others);
}

// The visitor id that older versions kept in local storage: the server moves it into a cookie, once.
async function adopt(data) {
  let name = null;
  try { name = localStorage.getItem(NAME); } catch { return; }
  if (!/^[0-9a-f]{32}$/.test(name || '')) return;
  const request = { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(name) };
  try {
    await fetch(`${data.base}/api/visitor`, request);
    const response = await (await fetch(`${data.base}/api/visitor`, request)).json();
    if (!response.is_known) return;
    localStorage.removeItem(NAME);
    location.reload(); // this session started with another id
  } catch { /* the route is not served: the id stays in local storage */ }
}

function visitorId() {
  let id = volatileId;
  try { id = localStorage.getItem(NAME) || ''; } catch { /* forbidden */ }
  if (!/^[0-9a-f]{32}$/.test(id)) {
    id = volatileId = volatileId || random();
    try { localStorage.setItem(NAME, id); } catch { /* forbidden: the id lasts as long as the page */ }
  }
  return id;
}

export default function (component) {
  const { parentElement: root, setStateValue } = component, data = JSON.parse(component.data.json);
  document.documentElement.lang = data.language;
  let s = states.get(root);
  if (!s) {
    s = { tab: open(), session: null, reported: '{}', timer: 0 };
    s.scheduleCompare = () => {
      clearTimeout(s.timer);
      s.timer = setTimeout(() => { if (document.visibilityState === 'visible') compare(s); }, WAIT_MS);
    };
    s.onStorage = event => { if (event.key === ALL) s.scheduleCompare(); };
    addEventListener('storage', s.onStorage);
    document.addEventListener('visibilitychange', s.scheduleCompare);
    states.set(root, s);
    if (data.named) adopt(data);
  }
  s.data = data;
  s.setStateValue = setStateValue;
  const { tab } = s;
  if (s.session !== data.session) { // a new session, perhaps of a restarted server: it has no data of this browser yet
    s.session = data.session;
    s.reported = '{}';
    const { work, earlier, opened } = tab;
    if (Object.keys(work).length) setStateValue('stored', { session: data.session, work: { ...work }, earlier: { ...earlier }, opened });
    if (!data.named) setStateValue('id', visitorId());
    tab.earlier = {};
    s.scheduleCompare();
  }
  for (const [kind, at] of Object.entries(data.settled)) {
    if (at > (tab.seen[kind] || 0)) {
      tab.seen[kind] = at;
      write(tabStore, TAB, tab);
    }
  }
  store(s);
  if (s.reported !== '{}') s.scheduleCompare();
  return () => {
    clearTimeout(s.timer);
    removeEventListener('storage', s.onStorage);
    document.removeEventListener('visibilitychange', s.scheduleCompare);
    states.delete(root);
  };
}

// Live curves: polls the server for new events and draws them, without reruns of the page.

const POLL_MS = 700;
const RETRY_MS = 2000;
const ANNOUNCE_MS = 15000; // a screen reader hears the numbers this often at most
const OVER = new Set(['finished', 'stopped', 'failed', 'interrupted']);
const states = new WeakMap();

export default function (component) {
  const { parentElement: root, data } = component;
  let s = states.get(root);
  if (!s) {
    s = { runs: new Map(), isGone: false, hover: null, announcedAt: 0, frame: 0 };
    states.set(root, s);
    s.observer = new ResizeObserver(() => schedule(root, s));
    for (const plot of root.querySelectorAll('.plot')) {
      s.observer.observe(plot);
      watchPointer(root, s, plot);
    }
  }
  s.data = data;
  root.querySelector('.frame').style.setProperty('--height', `${data.height}px`);
  root.querySelector('.charts').hidden = !data.hasCharts;
  for (const [name, option] of [['smoothing', 'isSmooth'], ['log', 'isLog']]) {
    const box = root.querySelector(`.${name} input`);
    root.querySelector(`.${name} span`).textContent = data.words[name];
    box.checked = options[option];
    box.onchange = () => { options[option] = box.checked; schedule(root, s); };
  }
  const wanted = new Set(data.runs.map(run => run.id));
  for (const [id, run] of s.runs) {
    if (wanted.has(id)) continue;
    run.isGone = true;
    s.runs.delete(id);
  }
  for (const { id, label, hue, state, record } of data.runs) {
    if (!s.runs.has(id)) s.runs.set(id, { id, state: 'queued', isGone: false, ...EMPTY() });
    const run = s.runs.get(id);
    Object.assign(run, { label, hue });
    if (record) addRecord(root, s, Object.assign(run, EMPTY()), record); // the routes are not served: Python passes all events
    else if (!run.isAsking && (run.known !== state || !run.next)) poll(root, s, run); // new, or resumed
    run.known = state;
  }
  schedule(root, s);
  return () => {
    s.isGone = true;
    s.observer.disconnect();
    cancelAnimationFrame(s.frame);
    states.delete(root);
  };
}

const EMPTY = () => ({ steps: [], epochs: [], next: 0, start: null, share: null, end: null, t: 0, heardAt: 0, cache: null });

// --- polling

const sleep = ms => new Promise(done => setTimeout(done, ms));

// Return the response; null for a deleted run; undefined where not the route responds, but a proxy or the page itself.
async function ask(base, id, since) {
  const answer = await fetch(`${base}/api/runs/${encodeURIComponent(id)}?since=${since}`, { cache: 'no-store' });
  if (!(answer.headers.get('content-type') || '').includes('json')) return undefined;
  return answer.ok ? await answer.json() : null;
}

function addRecord(root, s, run, answer) {
  run.state = answer.state;
  run.next = answer.next;
  for (const event of answer.events) {
    if (event.type === 'step') run.steps.push(event);
    else if (event.type === 'epoch') run.epochs.push(event);
    else if (event.type === 'start') run.start = event;
    else if (event.type === 'prepare') run.share = event.share;
    run.end = event.type === 'end' ? event : null;
  }
  if (answer.events.length) {
    run.t = answer.t;
    run.heardAt = performance.now();
    run.cache = null;
    schedule(root, s);
  }
  const isLast = OVER.has(run.state) && !answer.more;
  if (answer.events.length || isLast) announce(root, s, isLast);
  drawFacts(root, s);
  return isLast;
}

async function poll(root, s, run) {
  run.isAsking = true;
  while (!s.isGone && !run.isGone) {
    if (document.hidden) {
      await sleep(POLL_MS);
      continue;
    }
    let answer;
    try {
      answer = await ask(s.data.base, run.id, run.next);
    } catch (error) {
      if (!(error instanceof TypeError) && !(error instanceof SyntaxError)) throw error;
      answer = undefined; // network error: retry
    }
    if (s.isGone || run.isGone) return;
    if (answer === undefined) {
      await sleep(RETRY_MS);
      continue;
    }
    if (answer === null || addRecord(root, s, run, answer)) break; // deleted, or over
    if (!answer.more) await sleep(run.state === 'paused' ? RETRY_MS : POLL_MS);
  }
  run.isAsking = false;
  schedule(root, s);
}

// --- progress

function fill(text, values) {
  return text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

// Elapsed seconds, fraction done and seconds left: the planned steps at the pace so far, at most the time budget.
function progressOf(run) {
  if (!run.start) return null;
  const epoch = run.epochs[run.epochs.length - 1], step = run.steps[run.steps.length - 1];
  const silence = run.state === 'running' ? (performance.now() - run.heardAt) / 1000 : 0;
  const now = run.t + Math.min(silence, 5);
  const elapsed = Math.max(0, run.end && finite(run.end.elapsed_s) ? run.end.elapsed_s
    : epoch ? epoch.elapsed_s + now - epoch.t : now - run.start.t);
  const budget = run.start.budget_s || 0;
  let left = Math.max(budget - elapsed, 0);
  const done = Math.max(step ? step.step : 0, epoch ? epoch.step : 0);
  if (done) {
    const planned = run.start.steps_per_epoch * (epoch ? epoch.planned_epochs : run.start.epochs);
    left = Math.min(left, elapsed / done * Math.max(planned - done, 0));
  }
  return { elapsed, left, budget, share: elapsed + left > 0 ? elapsed / (elapsed + left) : 0 };
}

function drawFacts(root, s) {
  const bar = root.querySelector('.progress'), facts = root.querySelector('.facts');
  const run = s.runs.size === 1 ? [...s.runs.values()][0] : null;
  const progress = run && progressOf(run);
  const isOver = run && OVER.has(run.state);
  bar.hidden = !run || isOver || !(progress || finite(run.share));
  const { words } = s.data, whole = numbers({ maximumFractionDigits: 0 }), parts = [];
  if (run && !progress && finite(run.share)) {
    bar.firstElementChild.style.width = `${100 * run.share}%`;
    parts.push(fill(words.preparing, { n: whole.format(100 * run.share) }));
  }
  if (progress) {
    const epoch = run.epochs[run.epochs.length - 1], best = run.epochs.filter(event => event.is_best).pop();
    const planned = epoch && finite(epoch.planned_epochs) ? Math.max(epoch.epoch, Math.round(epoch.planned_epochs)) : null;
    bar.firstElementChild.style.width = `${100 * progress.share}%`;
    if (epoch) parts.push(fill(planned && !isOver ? words.epochOf : words.epoch, { n: whole.format(epoch.epoch), total: whole.format(planned) }));
    parts.push(fill(words.time, { s: whole.format(progress.elapsed), budget: whole.format(progress.budget) }));
    if (run.state === 'running') parts.push(fill(words.left, { s: whole.format(Math.ceil(progress.left)) }));
    if (epoch && finite(epoch.images_per_s)) parts.push(fill(words.speed, { n: whole.format(epoch.images_per_s) }));
    if (best) {
      const has = finite(best.val_accuracy);
      parts.push(fill(has ? words.bestSoFar : words.bestLast, { n: whole.format(best.epoch), a: has ? format('accuracy', best.val_accuracy) : '' }));
    }
  }
  if (!bar.hidden) {
    bar.setAttribute('aria-label', words.progress);
    bar.setAttribute('aria-valuenow', Math.round(100 * (progress ? progress.share : run.share)));
    bar.setAttribute('aria-valuetext', parts.join(', '));
  }
  while (facts.children.length > parts.length) facts.lastElementChild.remove();
  parts.forEach((text, i) => {
    const at = facts.children[i] || facts.appendChild(document.createElement('span'));
    if (at.textContent !== text) at.textContent = text;
  });
}

// --- what a screen reader hears

function announce(root, s, isLast) {
  const now = Date.now();
  if (!isLast && now - s.announcedAt < ANNOUNCE_MS) return;
  s.announcedAt = now;
  const { words } = s.data;
  const texts = [...s.runs.values()].map(run => {
    const loss = lastValues(run, 'loss', words), accuracy = lastValues(run, 'accuracy', words);
    return loss ? `${run.label}. ${words.loss}: ${loss}. ${words.accuracy}: ${accuracy}.` : '';
  });
  root.querySelector('.live').textContent = texts.filter(Boolean).join(' ');
}

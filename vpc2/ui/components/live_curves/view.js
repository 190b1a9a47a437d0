// Live curves: polls the server for new events and draws them, without reruns of the page.

const POLL_MS = 700;
const RETRY_MS = 2000;
const ANNOUNCE_MS = 15000; // a screen reader hears the numbers this often at most
const MAX_POINTS = 2000;
const OVER = new Set(['finished', 'stopped', 'failed', 'interrupted']);
// Okabe-Ito palette; with several runs each has one hue, training as a line, validation as points.
const HUES = ['#0072B2', '#E69F00', '#009E73', '#CC79A7', '#56B4E9', '#D55E00'];
const PAD = { left: 44, right: 12, top: 10, bottom: 34 };
const states = new WeakMap();
// Options set by the visitor, for all charts of this page.
const options = { isSmooth: true, isLog: false };

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

// --- series

const finite = value => typeof value === 'number' && Number.isFinite(value);

function smooth(steps, name) {
  // Exponential mean whose memory grows with the run; divided by the weights so far, so that it starts unbiased.
  const keep = 1 - 2 / (Math.max(8, Math.min(80, steps.length / 12)) + 1);
  let sum = 0, weight = 0;
  return steps.map(event => {
    if (finite(event[name])) {
      sum = keep * sum + (1 - keep) * event[name];
      weight = keep * weight + (1 - keep);
    }
    return weight ? sum / weight : null;
  });
}

function thin(points, keepExtremes) {
  if (points.length <= MAX_POINTS) return points;
  const size = Math.ceil(points.length / (MAX_POINTS / 2));
  const out = [];
  for (let at = 0; at < points.length; at += size) {
    const part = points.slice(at, at + size);
    if (!keepExtremes) {
      out.push(part[part.length - 1]);
      continue;
    }
    let low = part[0], high = part[0];
    for (const point of part) {
      if (point[1] < low[1]) low = point;
      if (point[1] > high[1]) high = point;
    }
    out.push(...(low[0] <= high[0] ? [low, high] : [high, low]));
  }
  return out;
}

function seriesOf(run, of) {
  run.cache = run.cache || {};
  if (run.cache[of]) return run.cache[of];
  const means = smooth(run.steps, of);
  const raw = run.steps.filter(event => finite(event[of])).map(event => [event.step, event[of]]);
  const mean = run.steps.map((event, i) => [event.step, means[i]]).filter(point => finite(point[1]));
  const val = of === 'learning_rate' ? [] : run.epochs.filter(event => finite(event['val_' + of])).map(event => [event.step, event['val_' + of]]);
  const best = of === 'learning_rate' ? null : run.epochs.filter(event => event.is_best).pop() || null;
  run.cache[of] = { raw: thin(raw, true), mean: thin(mean, false), means, val, best };
  return run.cache[of];
}

// --- drawing

function schedule(root, s) {
  cancelAnimationFrame(s.frame);
  s.frame = requestAnimationFrame(() => { if (!s.isGone) drawAll(root, s); });
}

function look(root) {
  const style = getComputedStyle(root.querySelector('.frame'));
  const ground = style.getPropertyValue('--st-background-color').trim() || '#fff';
  const probe = document.createElement('canvas').getContext('2d');
  probe.fillStyle = ground;
  probe.fillRect(0, 0, 1, 1);
  const [r, g, b] = probe.getImageData(0, 0, 1, 1).data;
  const isDark = 0.299 * r + 0.587 * g + 0.114 * b < 128;
  return { ink: style.color, ground, font: style.fontFamily, size: parseFloat(style.fontSize) * 0.92,
    train: isDark ? '#4BA3DB' : '#0072B2', validation: isDark ? '#F0A83A' : '#D98200' };
}

const hueOf = (run, i) => run.hue || HUES[i % HUES.length];

function colours(paint, run, i, n) {
  return n > 1 || run.hue ? { train: hueOf(run, i), validation: hueOf(run, i) } : paint;
}

function numbers(options) {
  return new Intl.NumberFormat(document.documentElement.lang === 'es' ? 'es-AR' : 'en-US', options);
}

function format(of, value) {
  if (!finite(value)) return '–';
  if (of === 'learning_rate') return rateText(value);
  return of === 'accuracy' ? `${numbers({ maximumFractionDigits: 1, minimumFractionDigits: 1 }).format(100 * value)} %`
    : numbers({ maximumSignificantDigits: 3, minimumSignificantDigits: 3 }).format(value);
}

function rateText(value) {
  const isSmall = value !== 0 && Math.abs(value) < 0.001;
  return numbers({ maximumSignificantDigits: 3, notation: isSmall ? 'scientific' : 'standard' }).format(value);
}

function niceStep(span, count) {
  const rough = span / Math.max(count, 1);
  const power = 10 ** Math.floor(Math.log10(rough));
  return [1, 2, 5, 10].map(factor => factor * power).find(step => step >= rough);
}

function bounds(runs, of) {
  let right = 1, top = of === 'accuracy' ? 1 : 0, low = Infinity;
  for (const run of runs) {
    const series = seriesOf(run, of);
    const last = run.steps[run.steps.length - 1], lastEpoch = run.epochs[run.epochs.length - 1];
    right = Math.max(right, last ? last.step : 1, lastEpoch ? lastEpoch.step : 1);
    if (of === 'accuracy') continue;
    // One wild batch must not flatten the rest: all but the highest fiftieth of the raw values, all of the others.
    const sorted = series.raw.map(point => point[1]).sort((a, b) => a - b);
    const kept = of === 'loss' ? 0.98 : 1;
    top = Math.max(top, sorted.length ? sorted[Math.floor((sorted.length - 1) * kept)] : 0);
    for (const points of of === 'loss' ? [series.mean, series.val] : []) for (const point of points) top = Math.max(top, point[1]);
    for (const points of [series.raw, series.val]) for (const point of points) if (point[1] > 0) low = Math.min(low, point[1]);
  }
  top = of === 'accuracy' ? 1 : (top || 1) * 1.05;
  return { right, top, low: of === 'loss' && options.isLog && low < top ? Math.max(low * 0.9, top / 1e6) : null };
}

function drawAll(root, s) {
  const { words } = s.data;
  const paint = look(root);
  const runs = [...s.runs.values()];
  drawLegend(root, s, paint, runs);
  drawFacts(root, s);
  if (!s.data.hasCharts) return;
  for (const panel of root.querySelectorAll('.panel')) {
    const of = panel.dataset.of;
    panel.querySelector('.what').textContent = words[of];
    const now = runs.map(run => lastValues(run, of, words, runs.length > 1)).filter(Boolean).join('   ');
    panel.querySelector('.now').textContent = now;
    panel.querySelector('canvas').setAttribute('aria-label', `${words.summary}. ${words[of]}: ${now || words.waiting}`);
    drawPanel(panel, s, paint, runs, of);
  }
}

function lastValues(run, of, words, isNamed) {
  const series = seriesOf(run, of);
  const shown = options.isSmooth && of !== 'learning_rate' ? series.mean : series.raw;
  const mean = shown[shown.length - 1], val = series.val[series.val.length - 1];
  if (!mean && !val) return '';
  const parts = [];
  if (of === 'learning_rate') parts.push(format(of, mean[1]));
  else if (mean) parts.push(`${words.train} ${format(of, mean[1])}`);
  if (val) parts.push(`${words.validation} ${format(of, val[1])}`);
  return (isNamed ? `${run.label}: ` : '') + parts.join(' · ');
}

function drawLegend(root, s, paint, runs) {
  const { words } = s.data;
  const entries = runs.length > 1
    ? runs.map((run, i) => ['', hueOf(run, i), run.label])
    : [['thin', paint.train, words.train], ...(options.isSmooth ? [['', paint.train, `${words.train}, ${words.smoothed}`]] : []),
      ['point', paint.validation, words.validation]];
  if (runs.some(run => run.epochs.some(event => event.is_best))) entries.push(['ring', paint.ink, words.best]);
  const legend = root.querySelector('.legend');
  legend.replaceChildren(...entries.map(([kind, colour, text]) => {
    const entry = document.createElement('span'), mark = document.createElement('i');
    mark.className = kind;
    mark.style.setProperty('--c', colour);
    entry.append(mark, text);
    return entry;
  }));
}

function drawPanel(panel, s, paint, runs, of) {
  const canvas = panel.querySelector('canvas');
  const width = canvas.clientWidth, height = canvas.clientHeight;
  if (!width || !height) return;
  const ratio = devicePixelRatio || 1;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  const pen = canvas.getContext('2d');
  pen.scale(ratio, ratio);
  pen.font = `${paint.size}px ${paint.font}`;
  const hasPoints = runs.some(run => run.steps.length || run.epochs.length);
  const { right, top, low } = bounds(runs, of);
  const inner = { w: width - PAD.left - PAD.right, h: height - PAD.top - PAD.bottom };
  const x = step => PAD.left + (step / right) * inner.w;
  const share = low === null ? value => value / top : value => Math.log(Math.max(value, low) / low) / Math.log(top / low);
  const y = value => PAD.top + (1 - Math.min(share(value), 1)) * inner.h;
  drawAxes(pen, s, paint, of, { x, y, right, top, low, inner, width });
  if (!hasPoints) {
    pen.fillStyle = paint.ink;
    pen.globalAlpha = 0.75;
    pen.textAlign = 'center';
    const isOver = runs.length > 0 && runs.every(run => OVER.has(run.state));
    pen.fillText(isOver ? s.data.words.nothing : s.data.words.waiting, PAD.left + inner.w / 2, PAD.top + inner.h / 2);
    pen.globalAlpha = 1;
    return;
  }
  runs.forEach((run, i) => drawRun(pen, paint, colours(paint, run, i, runs.length), seriesOf(run, of), of, x, y, runs.length > 1));
  drawHover(pen, panel, s, paint, runs, of, { x, right, inner, width });
}

function ticks(of, top, low, height) {
  const values = [];
  if (low !== null) {
    for (let power = 10 ** Math.floor(Math.log10(low)); power <= top; power *= 10) {
      for (const factor of top / low > 300 ? [1] : [1, 2, 5]) values.push(power * factor);
    }
    return values.filter(value => value >= low && value <= top);
  }
  const step = of === 'accuracy' ? 0.25 : niceStep(top, Math.max(2, height / 50));
  for (let value = 0; value <= top * 1.0001; value += step) values.push(value);
  return values;
}

function drawAxes(pen, s, paint, of, { x, y, right, top, low, inner, width }) {
  const { words } = s.data;
  pen.fillStyle = pen.strokeStyle = paint.ink;
  pen.lineWidth = 1;
  pen.textBaseline = 'middle';
  pen.textAlign = 'right';
  const plain = numbers({ maximumFractionDigits: 4 });
  for (const value of ticks(of, top, low, inner.h)) {
    const at = Math.round(y(value)) + 0.5;
    pen.globalAlpha = value === 0 ? 0.4 : 0.12;
    pen.beginPath();
    pen.moveTo(PAD.left, at);
    pen.lineTo(width - PAD.right, at);
    pen.stroke();
    pen.globalAlpha = 0.8;
    const text = of === 'accuracy' ? `${Math.round(value * 100)} %` : of === 'learning_rate' ? rateText(value) : plain.format(value);
    pen.fillText(text, PAD.left - 7, at);
  }
  pen.textBaseline = 'top';
  const xStep = Math.max(1, niceStep(right, Math.max(2, inner.w / 80)));
  const base = PAD.top + inner.h;
  const name = words.step;
  const room = width - PAD.right - pen.measureText(name).width - 8;
  for (let step = 0; step <= right; step += xStep) {
    const at = Math.round(x(step)) + 0.5;
    pen.globalAlpha = 0.4;
    pen.beginPath();
    pen.moveTo(at, base);
    pen.lineTo(at, base + 4);
    pen.stroke();
    const text = plain.format(step);
    if (at + pen.measureText(text).width / 2 > room) continue;
    pen.globalAlpha = 0.8;
    pen.textAlign = 'center';
    pen.fillText(text, at, base + 8);
  }
  pen.globalAlpha = 0.8;
  pen.textAlign = 'right';
  pen.fillText(name, width - PAD.right, base + 8);
  pen.globalAlpha = 1;
}

function line(pen, points, x, y) {
  pen.beginPath();
  points.forEach(([step, value], i) => (i ? pen.lineTo(x(step), y(value)) : pen.moveTo(x(step), y(value))));
  pen.stroke();
}

function drawRun(pen, paint, colour, series, of, x, y, isOneOfMany) {
  pen.lineJoin = 'round';
  pen.strokeStyle = colour.train;
  const isSmooth = options.isSmooth && of !== 'learning_rate';
  if (!isOneOfMany || !isSmooth) {
    pen.globalAlpha = isSmooth ? 0.38 : 1;
    pen.lineWidth = isSmooth ? 1 : 1.5;
    line(pen, series.raw, x, y);
  }
  pen.globalAlpha = 1;
  pen.lineWidth = 2.5;
  if (isSmooth) line(pen, series.mean, x, y);
  pen.strokeStyle = pen.fillStyle = colour.validation;
  pen.lineWidth = 2;
  if (isOneOfMany) pen.setLineDash([5, 4]);
  line(pen, series.val, x, y);
  pen.setLineDash([]);
  const radius = series.val.length > 60 ? 2 : 3.5;
  for (const [step, value] of series.val) {
    pen.beginPath();
    pen.arc(x(step), y(value), radius, 0, 2 * Math.PI);
    pen.fill();
  }
  const best = series.best && (finite(series.best['val_' + of]) ? series.best['val_' + of] : series.best['train_' + of]);
  if (finite(best)) {
    pen.strokeStyle = paint.ink;
    pen.lineWidth = 2;
    pen.beginPath();
    pen.arc(x(series.best.step), y(best), radius + 4, 0, 2 * Math.PI);
    pen.stroke();
  }
}

// --- reading values with the pointer

function watchPointer(root, s, plot) {
  plot.onpointermove = plot.onpointerdown = event => {
    const box = plot.getBoundingClientRect();
    s.hover = (event.clientX - box.left - PAD.left) / Math.max(1, box.width - PAD.left - PAD.right);
    schedule(root, s);
  };
  plot.onpointerleave = () => {
    s.hover = null;
    schedule(root, s);
  };
}

function nearest(events, step) {
  let low = 0, high = events.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (events[middle].step < step) low = middle + 1;
    else high = middle;
  }
  return low > 0 && step - events[low - 1].step < events[low].step - step ? low - 1 : low;
}

function drawHover(pen, panel, s, paint, runs, of, { x, right, inner, width }) {
  const tip = panel.querySelector('.tip');
  const isShown = s.hover !== null && s.hover >= 0 && s.hover <= 1.02;
  tip.hidden = !isShown;
  if (!isShown) return;
  const { words } = s.data;
  const lines = [];
  let at = null;
  for (const run of runs) {
    if (!run.steps.length) continue;
    const i = nearest(run.steps, s.hover * right), event = run.steps[i];
    at = at ?? event.step;
    if (runs.length > 1) lines.push(run.label);
    if (of === 'learning_rate') {
      lines.push(format(of, event[of]));
      continue;
    }
    lines.push(`${words.train} ${format(of, event[of])}`);
    if (options.isSmooth) lines.push(`${words.smoothed} ${format(of, seriesOf(run, of).means[i])}`);
    const epoch = run.epochs.length ? run.epochs[nearest(run.epochs, event.step)] : null;
    if (epoch && finite(epoch['val_' + of])) lines.push(`${words.validation} ${format(of, epoch['val_' + of])}`);
  }
  if (at === null) {
    tip.hidden = true;
    return;
  }
  pen.strokeStyle = paint.ink;
  pen.globalAlpha = 0.45;
  pen.lineWidth = 1;
  pen.beginPath();
  pen.moveTo(Math.round(x(at)) + 0.5, PAD.top);
  pen.lineTo(Math.round(x(at)) + 0.5, PAD.top + inner.h);
  pen.stroke();
  pen.globalAlpha = 1;
  tip.textContent = `${words.step} ${numbers({}).format(at)}\n${lines.join('\n')}`;
  const isRight = x(at) > width / 2;
  tip.style.left = isRight ? 'auto' : `${x(at) + 10}px`;
  tip.style.right = isRight ? `${width - x(at) + 10}px` : 'auto';
}

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

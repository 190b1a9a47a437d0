// Curves that move by themselves: the browser asks the server for the events it has not seen, and draws. No page reruns.

const POLL_MS = 500;
const RETRY_MS = 2000;
const SPEAK_MS = 15000; // a screen reader hears the numbers this often at most
const MAX_POINTS = 2000;
const OVER = new Set(['finished', 'stopped', 'failed', 'interrupted', 'paused']);
const RATE = 'learning_rate'; // never smoothed: a smoothed step is no step
// Okabe-Ito; with several runs each has one hue, training a line, validation its points.
const HUES = ['#0072B2', '#E69F00', '#009E73', '#CC79A7', '#56B4E9', '#D55E00'];
const PAD = { left: 44, right: 12, top: 10, bottom: 34 };
const states = new WeakMap();

export default function (component) {
  const { parentElement: root, data } = component;
  let s = states.get(root);
  if (!s) {
    s = { runs: new Map(), isGone: false, hover: null, spoken: 0, frame: 0, isSmooth: true, isLog: false };
    states.set(root, s);
    s.observer = new ResizeObserver(() => schedule(root, s));
    for (const plot of root.querySelectorAll('.plot')) {
      s.observer.observe(plot);
      watchPointer(root, s, plot);
    }
  }
  s.data = data;
  root.querySelector('.frame').style.setProperty('--height', `${data.height}px`);
  const wanted = new Set(data.runs.map(run => run.id));
  for (const id of s.runs.keys()) if (!wanted.has(id)) s.runs.get(id).isGone = true, s.runs.delete(id);
  for (const { id, label, hue } of data.runs) {
    if (!s.runs.has(id)) {
      s.runs.set(id, { id, label, steps: [], epochs: [], start: null, prepared: null, next: 0, state: 'queued', isGone: false });
      poll(root, s, s.runs.get(id));
    }
    Object.assign(s.runs.get(id), { label, hue });
  }
  schedule(root, s);
  return () => {
    s.isGone = true;
    s.observer.disconnect();
    cancelAnimationFrame(s.frame);
    states.delete(root);
  };
}

// --- asking

const sleep = ms => new Promise(done => setTimeout(done, ms));

async function ask(bases, id, since) {
  for (const base of bases) {
    const answer = await fetch(`${base}/api/runs/${encodeURIComponent(id)}?since=${since}`, { cache: 'no-store' });
    // An address that is not the server's own is answered with the page itself.
    if (!(answer.headers.get('content-type') || '').includes('json')) continue;
    return answer.ok ? await answer.json() : null;
  }
  return undefined;
}

async function poll(root, s, run) {
  while (!s.isGone && !run.isGone) {
    if (document.hidden) {
      await sleep(POLL_MS);
      continue;
    }
    let answer;
    try {
      answer = await ask(s.data.bases, run.id, run.next);
    } catch (error) {
      if (!(error instanceof TypeError) && !(error instanceof SyntaxError)) throw error;
      answer = undefined; // the network is away: ask again
    }
    if (s.isGone || run.isGone) return;
    if (answer === undefined) {
      await sleep(RETRY_MS);
      continue;
    }
    if (answer === null) return; // the run was deleted
    run.state = answer.state;
    for (const event of answer.events) {
      if (event.type === 'step') run.steps.push(event);
      else if (event.type === 'epoch') run.epochs.push(event);
      else if (event.type === 'start') run.start = event;
      else if (event.type === 'prepare') run.prepared = event.share;
    }
    run.next = answer.next;
    if (answer.events.length) {
      run.cache = null;
      schedule(root, s);
      speak(root, s);
    }
    if (OVER.has(answer.state)) {
      if (!answer.more) {
        schedule(root, s);
        speak(root, s, true);
        return;
      }
      continue;
    }
    if (!answer.more) await sleep(POLL_MS);
  }
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
  const means = of === RATE ? run.steps.map(event => event[of]) : smooth(run.steps, of);
  const raw = run.steps.filter(event => finite(event[of])).map(event => [event.step, event[of]]);
  const mean = run.steps.map((event, i) => [event.step, means[i]]).filter(point => finite(point[1]));
  const val = run.epochs.filter(event => finite(event['val_' + of])).map(event => [event.step, event['val_' + of]]);
  const best = run.epochs.filter(event => event.is_best).pop() || null;
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

function colours(paint, run, i, n) {
  const hue = run.hue || HUES[i % HUES.length];
  return n > 1 || run.hue ? { train: hue, validation: hue } : paint;
}

function numbers(options) {
  return new Intl.NumberFormat(document.documentElement.lang || 'en', options);
}

function format(of, value) {
  if (!finite(value)) return '–';
  if (of === RATE) return value >= 1e-3 ? numbers({ maximumSignificantDigits: 3 }).format(value) : value.toExponential(1);
  return of === 'accuracy' ? `${numbers({ maximumFractionDigits: 1, minimumFractionDigits: 1 }).format(100 * value)} %`
    : numbers({ maximumSignificantDigits: 3, minimumSignificantDigits: 3 }).format(value);
}

function niceStep(span, count) {
  const rough = span / Math.max(count, 1);
  const power = 10 ** Math.floor(Math.log10(rough));
  return [1, 2, 5, 10].map(factor => factor * power).find(step => step >= rough);
}

function bounds(runs, of) {
  let right = 1, top = of === 'accuracy' ? 1 : 0;
  for (const run of runs) {
    const series = seriesOf(run, of);
    const last = run.steps[run.steps.length - 1];
    right = Math.max(right, last ? last.step : 1, ...run.epochs.map(event => event.step));
    if (of === RATE) {
      for (const point of series.mean) top = Math.max(top, point[1]);
    } else if (of === 'loss') {
      // One wild batch must not flatten the rest: all but the highest fiftieth of the raw values, all of the others.
      const sorted = series.raw.map(point => point[1]).sort((a, b) => a - b);
      top = Math.max(top, sorted.length ? sorted[Math.floor((sorted.length - 1) * 0.98)] : 0, ...series.val.map(point => point[1]));
      for (const point of series.mean) top = Math.max(top, point[1]);
    }
  }
  return { right, top: of === 'accuracy' ? 1 : (top || 1) * 1.05 };
}

function drawAll(root, s) {
  const { words } = s.data;
  const paint = look(root);
  const runs = [...s.runs.values()];
  drawLegend(root, s, paint, runs);
  drawFacts(root, s, runs);
  drawSwitches(root, s);
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
  const mean = series.mean[series.mean.length - 1], val = series.val[series.val.length - 1];
  if (!mean && !val) return '';
  if (of === RATE) return (isNamed ? `${run.label}: ` : '') + format(of, mean[1]);
  const parts = [];
  if (mean) parts.push(`${words.train} ${format(of, mean[1])}`);
  if (val) parts.push(`${words.validation} ${format(of, val[1])}`);
  return (isNamed ? `${run.label}: ` : '') + parts.join(' · ');
}

// Where one run stands: epoch, share done, time left, pace and the best epoch so far.
function drawFacts(root, s, runs) {
  const facts = root.querySelector('.facts'), meter = root.querySelector('.meter');
  const run = runs.length === 1 ? runs[0] : null;
  const { words } = s.data, parts = [];
  const isGoing = run && !OVER.has(run.state);
  let share = 0;
  if (run && run.start) {
    const step = run.steps[run.steps.length - 1], epoch = run.epochs[run.epochs.length - 1];
    if (!step && run.prepared !== null && isGoing) parts.push(`${words.preparing} ${numbers({ maximumFractionDigits: 0 }).format(100 * run.prepared)} %`);
    if (step) {
      const planned = epoch ? epoch.planned_epochs : run.start.epochs;
      parts.push(words.epoch_of.replace('{n}', numbers().format(Math.ceil(step.step / run.start.steps_per_epoch))).replace('{of}', numbers({ maximumFractionDigits: 1 }).format(planned)));
      const passed = epoch ? epoch.elapsed_s + (step.t - epoch.t > 0 ? step.t - epoch.t : 0) : step.t - run.steps[0].t;
      const total = run.start.steps_per_epoch * planned, last = Math.max(step.step, epoch ? epoch.step : 0);
      const left = Math.min(run.start.budget_s - passed, (passed / last) * (total - last));
      share = Math.min(Math.max(last / total, passed / run.start.budget_s, 0), 1);
      if (isGoing && Number.isFinite(left)) parts.push(words.left.replace('{s}', numbers({ maximumFractionDigits: 0 }).format(Math.max(left, 0))));
    }
    if (epoch) parts.push(words.pace.replace('{n}', numbers({ maximumSignificantDigits: 3 }).format(epoch.images_per_s)));
    const best = run.epochs.filter(event => event.is_best).pop();
    if (best && finite(best.val_accuracy)) parts.push(`${words.best} ${numbers().format(best.epoch)}: ${format('accuracy', best.val_accuracy)}`);
  }
  facts.textContent = parts.join(' · ');
  meter.hidden = !isGoing || !run.start;
  meter.firstElementChild.style.width = `${100 * share}%`;
}

function drawSwitches(root, s) {
  const box = root.querySelector('.switches');
  for (const [name, word] of [['isSmooth', s.data.words.smoothing], ['isLog', s.data.words.log]]) {
    let node = box.querySelector(`[data-name="${name}"]`);
    if (!node) {
      node = document.createElement('button');
      node.type = 'button';
      node.dataset.name = name;
      node.onclick = () => {
        s[name] = !s[name];
        schedule(root, s);
      };
      box.appendChild(node);
    }
    if (node.textContent !== word) node.textContent = word;
    node.setAttribute('aria-pressed', String(s[name]));
  }
}

function drawLegend(root, s, paint, runs) {
  const { words } = s.data;
  const entries = runs.length > 1
    ? runs.map((run, i) => ['', run.hue || HUES[i % HUES.length], run.label])
    : [['thin', paint.train, words.train], ['', paint.train, `${words.train}, ${words.smoothed}`], ['point', paint.validation, words.validation]];
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
  const { right, top } = bounds(runs, of);
  const inner = { w: width - PAD.left - PAD.right, h: height - PAD.top - PAD.bottom };
  const x = step => PAD.left + (step / right) * inner.w;
  const floor = of === 'loss' && s.isLog ? lowest(runs) : null;
  const height_of = value => (floor ? Math.log(Math.max(value, floor) / floor) / Math.log(top / floor) : value / top);
  const y = value => PAD.top + (1 - Math.min(height_of(value), 1)) * inner.h;
  drawAxes(pen, s, paint, of, { x, y, right, top, floor, inner, width, height });
  if (!hasPoints) {
    pen.fillStyle = paint.ink;
    pen.globalAlpha = 0.75;
    pen.textAlign = 'center';
    const isOver = runs.length > 0 && runs.every(run => OVER.has(run.state));
    pen.fillText(isOver ? s.data.words.nothing : s.data.words.waiting, PAD.left + inner.w / 2, PAD.top + inner.h / 2);
    pen.globalAlpha = 1;
    return;
  }
  runs.forEach((run, i) => drawRun(pen, paint, colours(paint, run, i, runs.length), seriesOf(run, of), of, x, y, runs.length > 1, s.isSmooth));
  drawHover(pen, panel, s, paint, runs, of, { x, right, inner, width });
}

function drawAxes(pen, s, paint, of, { x, y, right, top, floor, inner, width, height }) {
  const { words } = s.data;
  pen.fillStyle = pen.strokeStyle = paint.ink;
  pen.lineWidth = 1;
  pen.textBaseline = 'middle';
  pen.textAlign = 'right';
  const yStep = of === 'accuracy' ? 0.25 : niceStep(top, Math.max(2, inner.h / 50));
  const plain = numbers({ maximumSignificantDigits: 3 });
  for (const value of marks(top, yStep, floor)) {
    const at = Math.round(y(value)) + 0.5;
    pen.globalAlpha = value === 0 ? 0.4 : 0.12;
    pen.beginPath();
    pen.moveTo(PAD.left, at);
    pen.lineTo(width - PAD.right, at);
    pen.stroke();
    pen.globalAlpha = 0.8;
    pen.fillText(of === 'accuracy' ? `${Math.round(value * 100)} %` : plain.format(value), PAD.left - 7, at);
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

// The numbers at the side: equally far apart, or on a logarithmic axis 1, 2, 5, 10 and so on.
function marks(top, step, floor) {
  if (!floor) return Array.from({ length: Math.floor((top * 1.0001) / step) + 1 }, (_, i) => i * step);
  const found = [];
  for (let power = 10 ** Math.floor(Math.log10(floor)); power <= top; power *= 10) {
    for (const factor of [1, 2, 5]) if (factor * power >= floor && factor * power <= top) found.push(factor * power);
  }
  return found.length > 7 ? found.filter(value => Math.abs(Math.log10(value) - Math.round(Math.log10(value))) < 1e-6) : found;
}

function lowest(runs) {
  const values = runs.flatMap(run => [...seriesOf(run, 'loss').mean, ...seriesOf(run, 'loss').val].map(point => point[1])).filter(value => value > 0);
  return values.length ? Math.min(...values) * 0.8 : null;
}

function line(pen, points, x, y) {
  pen.beginPath();
  points.forEach(([step, value], i) => (i ? pen.lineTo(x(step), y(value)) : pen.moveTo(x(step), y(value))));
  pen.stroke();
}

function drawRun(pen, paint, colour, series, of, x, y, isOneOfMany, isSmooth) {
  pen.lineJoin = 'round';
  pen.strokeStyle = colour.train;
  const hasMean = isSmooth || of === RATE;
  if (of !== RATE && (!isOneOfMany || !hasMean)) {
    pen.globalAlpha = hasMean ? 0.38 : 0.9;
    pen.lineWidth = hasMean ? 1 : 1.5;
    line(pen, series.raw, x, y);
  }
  pen.globalAlpha = 1;
  pen.lineWidth = of === RATE ? 1.5 : 2.5;
  if (hasMean) line(pen, series.mean, x, y);
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
  if (finite(best) && of !== RATE) {
    pen.strokeStyle = paint.ink;
    pen.lineWidth = 2;
    pen.beginPath();
    pen.arc(x(series.best.step), y(best), radius + 4, 0, 2 * Math.PI);
    pen.stroke();
  }
}

// --- looking closer

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
    if (of === RATE) {
      lines.push(format(of, event[of]));
      continue;
    }
    lines.push(`${words.train} ${format(of, event[of])}`, `${words.smoothed} ${format(of, seriesOf(run, of).means[i])}`);
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

function speak(root, s, isLast) {
  const now = Date.now();
  if (!isLast && now - s.spoken < SPEAK_MS) return;
  s.spoken = now;
  const { words } = s.data;
  const said = [...s.runs.values()].map(run => {
    const loss = lastValues(run, 'loss', words), accuracy = lastValues(run, 'accuracy', words);
    return loss ? `${run.label}. ${words.loss}: ${loss}. ${words.accuracy}: ${accuracy}.` : '';
  });
  root.querySelector('.live').textContent = said.filter(Boolean).join(' ');
}

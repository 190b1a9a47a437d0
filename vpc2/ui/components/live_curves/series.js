// The series of a run, smoothed and thinned, the limits and ticks of their axes, and their values as text. In one module with view.js.

const MAX_POINTS = 2000;
// Options set by the visitor, for all charts of this page.
const options = { isSmooth: true, isLog: false };

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

function nearest(events, step) {
  let low = 0, high = events.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (events[middle].step < step) low = middle + 1;
    else high = middle;
  }
  return low > 0 && step - events[low - 1].step < events[low].step - step ? low - 1 : low;
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

function niceStep(span, count) {
  const rough = span / Math.max(count, 1);
  const power = 10 ** Math.floor(Math.log10(rough));
  return [1, 2, 5, 10].map(factor => factor * power).find(step => step >= rough);
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

// --- values as text

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

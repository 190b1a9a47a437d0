// Drawing of the curves on canvases: axes, lines, legend and the values under the pointer. In one module with view.js and series.js.

// Okabe-Ito palette; with several runs each has one hue, training as a line, validation as points.
const HUES = ['#0072B2', '#E69F00', '#009E73', '#CC79A7', '#56B4E9', '#D55E00'];
const PAD = { left: 58, right: 12, top: 10, bottom: 34 }; // on the left “100 %” in a projector's letters

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

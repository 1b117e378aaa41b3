// Draws <figure data-chart-library="…"> (templates/components/chart.html) from the JSON inside it, with uPlot, which is loaded only
// when a page has a chart. docs/design.md describes the data:
//   {"kind": "bars" | "lines", "stacked": bool, "unit": "logs", "times": [seconds since 1970], "step": seconds,
//    "series": [{"label": "Errors", "color": "level-error", "values": [number | null]}],
//    "brush": {"from": "from", "to": "to", "drop": ["span"]}}   – dragging a range sets these parameters of the URL
// Colours are names of tokens, read from the page, so a chart follows the theme. The table has the same figures.

const drawn = new Map();
let library = null;

function load(source) {
  library ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = source;
    script.addEventListener("load", () => resolve(globalThis.uPlot));
    script.addEventListener("error", reject);
    document.head.append(script);
  });
  return library;
}

function token(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

function stack(series) {
  const sums = [];
  return series.map(({ values }) => values.map((value, index) => (sums[index] = (sums[index] ?? 0) + (value ?? 0))));
}

function keys(figure, data) {
  const place = figure.querySelector("[data-chart-keys]");
  place.replaceChildren(...data.series.map((series) => {
    const key = document.createElement("span");
    key.className = "chart-key";
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    svg.setAttribute("aria-hidden", "true");
    svg.style.color = token(series.color);
    const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
    use.setAttribute("href", `${document.documentElement.dataset.marks}#swatch`);
    svg.append(use);
    key.append(svg, series.label);
    return key;
  }));
}

function table(figure, data) {
  const place = figure.querySelector(".chart-table");
  if (place.firstChild) return;
  const element = document.createElement("table");
  element.className = "table";
  const head = element.createTHead().insertRow();
  for (const words of ["Time", ...data.series.map((series) => (data.unit ? `${series.label} (${data.unit})` : series.label))]) {
    const cell = document.createElement("th");
    cell.scope = "col";
    cell.textContent = words;
    head.append(cell);
  }
  const body = element.createTBody();
  data.times.forEach((time, index) => {
    const line = body.insertRow();
    line.insertCell().textContent = new Date(time * 1_000).toLocaleString("sv-SE");
    for (const series of data.series) line.insertCell().textContent = String(series.values[index] ?? "—");
  });
  place.append(element);
}

function brush(chart, names) {
  const { left, width } = chart.select;
  if (width < 4) return;
  const address = new URL(location.href);
  const at = (position) => new Date(chart.posToVal(position, "x") * 1_000).toISOString().replace(/\.\d+Z$/, "Z");
  address.searchParams.set(names.from, at(left));
  address.searchParams.set(names.to, at(left + width));
  for (const name of ["cursor", ...(names.drop ?? [])]) address.searchParams.delete(name);
  location.assign(address);
}

// One line of words below the chart: the date where the day changes or a step is a day, else the time of day.
function timeWords(splits, spacing) {
  let day = "";
  return splits.map((split) => {
    const moment = new Date(split * 1_000);
    const date = moment.toLocaleDateString("en", { day: "numeric", month: "short" });
    const isNewDay = day !== "" && day !== date;
    day = date;
    return spacing >= 86_400 || isNewDay ? date : moment.toLocaleTimeString("sv-SE", spacing < 60 ? {} : { hour: "2-digit", minute: "2-digit" });
  });
}

function options(uPlot, figure, data, size) {
  const axis = { stroke: token("text-muted"), grid: { stroke: token("chart-grid"), width: 1 }, ticks: { show: false }, font: "12px system-ui, sans-serif" };
  const bars = data.kind === "bars";
  return {
    ...size,
    legend: { show: false },
    padding: [8, 16, 0, 0],
    cursor: { points: { show: !bars }, y: false, drag: { x: Boolean(data.brush), y: false, setScale: false } },
    hooks: { setSelect: data.brush ? [(chart) => brush(chart, data.brush)] : [] },
    scales: {
      x: bars && data.step ? { range: (_, low, high) => [low - data.step / 2, high + data.step / 2] } : {},
      y: { range: (_, low, high) => [0, Math.max(high * 1.08, 1)] },
    },
    axes: [
      { ...axis, grid: { show: false }, size: 26, space: 64, values: (_, splits, __, ___, spacing) => timeWords(splits, spacing) },
      { ...axis, size: 44, values: (_, splits) => splits.map((value) => (Number.isInteger(value) ? Intl.NumberFormat("en", { notation: "compact" }).format(value) : "")) },
    ],
    series: [
      {},
      ...data.order.map((series) => ({
        label: series.label,
        stroke: token(series.color),
        width: bars ? 0 : 2,
        fill: bars ? token(series.color) : undefined,
        paths: bars ? uPlot.paths.bars({ size: [0.85, 24] }) : undefined,
        points: { show: false },
        spanGaps: false,
      })),
    ],
  };
}

function draw(uPlot, figure) {
  const data = JSON.parse(figure.querySelector("script[type='application/json']").textContent);
  const canvas = figure.querySelector(".chart-canvas");
  drawn.get(figure)?.destroy();
  keys(figure, data);
  table(figure, data);
  const heights = data.stacked ? stack(data.series) : data.series.map((series) => series.values);
  // The tallest of a stack is drawn first, and the lower ones over it.
  const layers = data.series.map((series, index) => ({ series, values: heights[index] }));
  if (data.stacked) layers.reverse();
  const described = { ...data, order: layers.map((layer) => layer.series) };
  const size = { width: canvas.clientWidth, height: canvas.clientHeight };
  drawn.set(figure, new uPlot(options(uPlot, figure, described, size), [data.times, ...layers.map((layer) => layer.values)], canvas));
}

async function drawAll(root = document) {
  for (const figure of root.querySelectorAll("figure[data-chart-library]")) {
    draw(await load(figure.dataset.chartLibrary), figure);
  }
}

function forgetRemoved() {
  for (const [figure, chart] of drawn) {
    if (figure.isConnected) continue;
    chart.destroy();
    drawn.delete(figure);
  }
}

const watcher = new ResizeObserver((entries) => {
  for (const { target } of entries) {
    const chart = drawn.get(target.closest("figure"));
    if (chart && chart.width !== target.clientWidth) chart.setSize({ width: target.clientWidth, height: target.clientHeight });
  }
});

async function start(root) {
  forgetRemoved();
  await drawAll(root);
  for (const figure of drawn.keys()) watcher.observe(figure.querySelector(".chart-canvas"));
}

start(document);
document.addEventListener("incident-center:theme", () => drawAll());
document.addEventListener("incident-center:replaced", (event) => start(event.target));
document.addEventListener("htmx:load", (event) => event.target !== document.body && event.target.querySelectorAll && start(event.target));

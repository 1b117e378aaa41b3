// Live tail: new logs come in at the top of [data-log-tail], as the server finds them (WS /live/logs, the page's filters).
//
// Nothing jumps under the finger: while paused, scrolled down or with a row open, new rows wait and are counted. The rate
// counts what matched, shown or not; what the server had to leave out it says itself, and so does the bar.

const MOST_ROWS = 500;
const RATE_SECONDS = 5;
const LONGEST_WAIT_MILLISECONDS = 30_000;
const SESSION_ENDED = 4401;
const WRONG_FILTER = 4400;

const list = document.querySelector("[data-log-tail]");
const bar = document.querySelector("[data-log-tail-bar]");
const state = bar.querySelector("[data-log-tail-state]");
const rate = bar.querySelector("[data-log-tail-rate]");
const skippedWords = bar.querySelector("[data-log-tail-skipped]");
const pause = bar.querySelector("[data-log-tail-pause]");
const columns = list.dataset.logColumns ? list.dataset.logColumns.split(",") : [];
const known = new Set([...list.querySelectorAll("[data-row]")].map((row) => row.dataset.row));
const clock = new Intl.DateTimeFormat("sv-SE", {
  year: "numeric", month: "2-digit", day: "2-digit",
  hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 3,
});
const arrivals = []; // [moment in milliseconds, how many]
let waiting = [];
let left = 0;
let skipped = 0;
let paused = false;
let connected = false;
let attempts = 0;

function element(name, className, text) {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function written(value) {
  return typeof value === "string" ? value : JSON.stringify(value);
}

function valueAt(metadata, key) {
  if (key in metadata) return written(metadata[key]);
  let value = metadata;
  for (const part of key.split(".")) value = value?.[part];
  return value === undefined ? "" : written(value);
}

function link(words, parameters, keepOthers = true) {
  const address = new URL(location.href);
  if (!keepOthers) address.search = "";
  for (const name of ["live", "cursor", "around"]) address.searchParams.delete(name);
  for (const [name, value] of Object.entries(parameters)) address.searchParams.set(name, value);
  const made = element("a", "", words);
  made.href = address.search;
  return made;
}

function detail(log) {
  const place = element("div", "log-detail");
  const links = element("p", "row-line");
  links.append(link("Lines around it", { around: log.id }));
  if (log.pattern) links.append(link("Logs like it", { pattern: log.pattern }));
  if (log.trace_id) links.append(link("Its trace over all services", { trace_id: log.trace_id, span: "7d" }, false));
  const pairs = element("dl", "key-values");
  const add = (name, node, mono = false) => {
    const value = element("dd", mono ? "mono wrap-anywhere" : "");
    value.append(node);
    pairs.append(element("dt", mono ? "mono" : "", name), value);
  };
  add("Service", link(`${log.service} (${log.environment})`, { service: log.service }));
  add("Level", link(log.level, { level: log.level }));
  add("Time", log.timestamp);
  add("Received", log.received_at);
  for (const [key, value] of Object.entries(log.metadata)) {
    const scalar = value !== null && typeof value !== "object";
    add(key, scalar ? link(written(value), { [`metadata.${key}`]: written(value) }) : written(value), true);
  }
  const message = element("pre", "prose wrap-anywhere", log.message);
  message.tabIndex = 0;
  place.append(message, links, pairs);
  return place;
}

function rowOf(log) {
  const row = element("details", `log-row level-${log.level.toLowerCase()}`);
  row.dataset.row = log.id;
  const summary = document.createElement("summary");
  const time = element("time", "", clock.format(new Date(log.timestamp)).replace(",", "."));
  time.dateTime = log.timestamp;
  summary.append(time, element("span", "log-level", log.level), element("span", "log-service", log.service));
  for (const key of columns) summary.append(element("span", "log-column", valueAt(log.metadata, key).slice(0, 120)));
  summary.append(element("span", "log-message", log.message.slice(0, 1_000)));
  row.append(summary);
  row.addEventListener("toggle", () => row.lastChild === summary && row.append(detail(log)), { once: true });
  return row;
}

function isHeld() {
  return paused || list.querySelector("details[open]") !== null || list.getBoundingClientRect().top < 0;
}

function draw() {
  if (!waiting.length || isHeld()) return;
  const fresh = document.createDocumentFragment();
  for (const log of waiting.reverse()) {
    if (known.has(log.id)) continue;
    known.add(log.id);
    fresh.append(rowOf(log));
  }
  waiting = [];
  left = 0;
  const heads = list.querySelector(".log-heads");
  if (heads) heads.after(fresh);
  else list.prepend(fresh);
  const rows = list.querySelectorAll("[data-row]");
  for (let index = MOST_ROWS; index < rows.length; index += 1) {
    known.delete(rows[index].dataset.row);
    rows[index].remove();
  }
}

function say() {
  const held = isHeld() && connected;
  const count = waiting.length + left;
  const words = !connected ? "Reconnecting…" : held ? `${paused ? "Paused" : "Held while you read"}: ${count} new` : "Live";
  if (state.textContent !== words) state.textContent = words;
  state.dataset.state = !connected ? "away" : held ? "held" : "live";
  const since = Date.now() - RATE_SECONDS * 1_000;
  while (arrivals.length && arrivals[0][0] < since) arrivals.shift();
  const total = arrivals.reduce((sum, [, number]) => sum + number, 0) / RATE_SECONDS;
  rate.textContent = `${total >= 10 ? Math.round(total) : total.toFixed(1)} logs/s`;
  skippedWords.hidden = skipped === 0;
  skippedWords.textContent = `${skipped} came too fast to be shown; the search has them`;
}

function heard(message) {
  if (message.type === "skipped") {
    skipped += message.count;
    arrivals.push([Date.now(), message.count]);
  } else if (message.type === "log") {
    arrivals.push([Date.now(), 1]);
    waiting.push(message);
    if (waiting.length > MOST_ROWS) {
      waiting.shift();
      left += 1;
    }
  } else if (message.type === "error") {
    state.textContent = message.detail;
  }
}

function connect() {
  const address = new URL(list.dataset.logTail, location.href.replace(/^http/, "ws"));
  for (const name of ["from", "to", "span"]) address.searchParams.delete(name);
  const socket = new WebSocket(address);
  socket.addEventListener("open", () => {
    connected = true;
    attempts = 0;
  });
  socket.addEventListener("message", (event) => heard(JSON.parse(event.data)));
  socket.addEventListener("close", (event) => {
    connected = false;
    if (event.code === SESSION_ENDED) {
      document.dispatchEvent(new CustomEvent("incident-center:session-expired"));
      return;
    }
    if (event.code === WRONG_FILTER) return;
    attempts += 1;
    const backOff = Math.min(LONGEST_WAIT_MILLISECONDS, 500 * 2 ** Math.min(attempts, 6));
    setTimeout(connect, backOff * (0.5 + Math.random() / 2));
  });
}

pause.addEventListener("click", () => {
  paused = !paused;
  pause.setAttribute("aria-pressed", String(paused));
  pause.querySelector("span").textContent = paused ? "Go on" : "Pause";
  say();
  draw();
});
setInterval(() => {
  say();
  if (!document.hidden) draw();
}, 250);
connect();

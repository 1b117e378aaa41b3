// Keeps the page true. Listens on the socket named by <body data-live-url>, says whether it is live, and refreshes the
// page's live regions when something changed.
//
//   data-live-region              (with an id) a part of the page that is fetched anew and replaced
//   data-live-region="<id>"       only when the event is about this incident (its id or its number)
//   data-live-count="<label>"     a counter in the frame, refreshed with every event
//   data-live-state, data-live-banner  where the state is said
//
// Each event is also fired as `incident-center:incident` on the document (detail: the message). A replaced region gets
// `incident-center:replaced`. A region that is being read is not touched: a button "3 new" waits above it.
// Without a socket the regions are fetched every POLL_MILLISECONDS, and the page says as of when it is.

const GATHER_MILLISECONDS = 400;
const SLOWEST_REFRESH_MILLISECONDS = 2_000;
const POLL_MILLISECONDS = 15_000;
const GRACE_MILLISECONDS = 3_000;
const LONGEST_WAIT_MILLISECONDS = 30_000;
const TOUCH_MILLISECONDS = 3_000;
const SESSION_ENDED = 4401;

const url = document.body.dataset.liveUrl;
const waiting = new Map(); // region id → ids of the incidents that changed while it was being read
let attempts = 0;
let asOf = new Date();
let lastTouch = 0;
let lastRefresh = 0;
let pollTimer = null;
let graceTimer = null;
let gatherTimer = null;
let gathered = [];

function say(state, words, banner = "") {
  for (const element of document.querySelectorAll("[data-live-state]")) {
    element.hidden = false;
    element.dataset.state = state;
    const text = element.querySelector("[role=status]");
    if (text.textContent !== words) text.textContent = words;
  }
  for (const element of document.querySelectorAll("[data-live-banner]")) {
    element.hidden = !banner;
    element.querySelector("span").textContent = banner;
  }
}

function clock(moment) {
  return moment.toLocaleTimeString("sv-SE");
}

function sayStale() {
  const offline = !navigator.onLine;
  say("stale", `As of ${clock(asOf)}`, offline
    ? `No network. This page shows what was known at ${clock(asOf)}.`
    : `The live connection is lost. This page asks for news every ${POLL_MILLISECONDS / 1_000} seconds; it is as of ${clock(asOf)}.`);
}

function isBeingRead(region) {
  if (document.hidden) return false;
  const selection = getSelection();
  return region.matches(":hover")
    || (region.contains(document.activeElement) && document.activeElement !== document.body)
    || (selection && !selection.isCollapsed && region.contains(selection.anchorNode))
    || region.querySelector("[data-row-select]:checked, details[open]") !== null
    || region.getBoundingClientRect().top < 0
    || Date.now() - lastTouch < TOUCH_MILLISECONDS;
}

function concerns(region, messages) {
  const wanted = region.dataset.liveRegion;
  if (!wanted) return true;
  return messages.some((message) => [message.incident?.id, String(message.incident?.number), message.incident_id].includes(wanted));
}

function incidentOf(message) {
  return message.incident?.id ?? message.incident_id ?? JSON.stringify(message);
}

function offer(region, messages) {
  const changed = waiting.get(region.id) ?? new Map();
  for (const message of messages) {
    const before = changed.get(incidentOf(message));
    changed.set(incidentOf(message), before === "new" || message.event === "opened" ? "new" : "changed");
  }
  waiting.set(region.id, changed);
  const counts = { new: 0, changed: 0 };
  for (const kind of changed.values()) counts[kind] += 1;
  const words = [];
  if (counts.new) words.push(`${counts.new} new`);
  if (counts.changed) words.push(`${counts.changed} changed`);
  let place = document.querySelector(`[data-waiting-for="${CSS.escape(region.id)}"]`);
  if (!place) {
    place = document.createElement("div");
    place.className = "new-rows";
    place.dataset.waitingFor = region.id;
    place.setAttribute("role", "status");
    const button = document.createElement("button");
    button.type = "button";
    button.className = "btn btn-secondary btn-small";
    button.addEventListener("click", async (event) => {
      await refresh([region.id]);
      // The button is gone: who came by keyboard goes on at the first row.
      if (event.detail === 0) document.getElementById(region.id)?.querySelector("[data-row-link]")?.focus();
    });
    place.append(button);
    region.before(place);
  }
  place.firstChild.textContent = words.join(", ");
}

function replace(region, fresh) {
  const row = document.activeElement?.closest("[data-row]");
  const focusedRow = row && region.contains(row) ? row.dataset.row : null;
  region.replaceWith(fresh);
  globalThis.htmx?.process(fresh);
  document.querySelector(`[data-waiting-for="${CSS.escape(fresh.id)}"]`)?.remove();
  waiting.delete(fresh.id);
  if (focusedRow) fresh.querySelector(`[data-row="${CSS.escape(focusedRow)}"] [data-row-link]`)?.focus({ preventScroll: true });
  fresh.dispatchEvent(new CustomEvent("incident-center:replaced", { bubbles: true }));
}

// Fetches this page anew and takes from it the regions named (all ids when null) and the counters.
async function refresh(ids) {
  lastRefresh = Date.now();
  let response;
  try {
    response = await fetch(location.href, { headers: { "X-Live-Refresh": "1" }, credentials: "same-origin" });
  } catch {
    return;
  }
  if (response.status === 401 || (response.redirected && new URL(response.url).pathname === document.body.dataset.signInUrl)) {
    document.dispatchEvent(new CustomEvent("incident-center:session-expired"));
    return;
  }
  if (!response.ok) return;
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  asOf = new Date();
  for (const region of document.querySelectorAll("[data-live-region]")) {
    const fresh = page.getElementById(region.id);
    if (fresh && (ids === null ? !isBeingRead(region) : ids.includes(region.id))) replace(region, document.importNode(fresh, true));
  }
  const counters = [...page.querySelectorAll("[data-live-count]")];
  for (const counter of document.querySelectorAll("[data-live-count]")) {
    const fresh = counters.find((each) => each.dataset.liveCount === counter.dataset.liveCount && each.className === counter.className);
    if (fresh && fresh.innerHTML !== counter.innerHTML) counter.replaceChildren(...document.importNode(fresh, true).childNodes);
  }
  if (pollTimer) sayStale();
}

function settle() {
  gatherTimer = null;
  const messages = gathered;
  gathered = [];
  const now = [];
  for (const region of document.querySelectorAll("[data-live-region]")) {
    if (!concerns(region, messages)) continue;
    if (isBeingRead(region)) offer(region, messages);
    else now.push(region.id);
  }
  refresh(now);
}

function heard(message) {
  document.dispatchEvent(new CustomEvent("incident-center:incident", { detail: message }));
  gathered.push(message);
  const sinceLast = Date.now() - lastRefresh;
  gatherTimer ??= setTimeout(settle, Math.max(GATHER_MILLISECONDS, SLOWEST_REFRESH_MILLISECONDS - sinceLast));
}

function startPolling() {
  if (pollTimer) return;
  sayStale();
  pollTimer = setInterval(() => (document.hidden ? undefined : refresh(null).then(sayStale)), POLL_MILLISECONDS);
}

function stopPolling() {
  clearInterval(pollTimer);
  clearTimeout(graceTimer);
  pollTimer = null;
  graceTimer = null;
}

function connect() {
  const socket = new WebSocket(new URL(url, location.href.replace(/^http/, "ws")));
  socket.addEventListener("open", () => {
    const wasAway = attempts > 0;
    attempts = 0;
    stopPolling();
    asOf = new Date();
    say("live", "Live");
    if (wasAway) refresh(null); // What happened in between was not heard.
  });
  socket.addEventListener("message", (event) => {
    asOf = new Date();
    const message = JSON.parse(event.data);
    if (message.type === "incident") heard(message);
  });
  socket.addEventListener("close", (event) => {
    if (event.code === SESSION_ENDED) {
      stopPolling();
      say("stale", `As of ${clock(asOf)}`);
      document.dispatchEvent(new CustomEvent("incident-center:session-expired"));
      return;
    }
    attempts += 1;
    if (!pollTimer) say("reconnecting", "Reconnecting…");
    graceTimer ??= setTimeout(startPolling, GRACE_MILLISECONDS);
    const backOff = Math.min(LONGEST_WAIT_MILLISECONDS, 500 * 2 ** Math.min(attempts, 6));
    setTimeout(connect, backOff * (0.5 + Math.random() / 2));
  });
}

if (url) {
  addEventListener("touchstart", () => { lastTouch = Date.now(); }, { passive: true });
  addEventListener("offline", () => sayStale());
  connect();
}

// Keeps times true: <time data-relative> says "4 min ago" and goes on counting, <time data-exact="second"> is moved
// to the person's zone, <time data-countdown> says what is left ("12 min left", "5 min over").
// The title of each is the exact time in the person's zone; the words are those of presentation.py.

const TICK_MILLISECONDS = 5_000;
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
const exactFormats = {
  time: new Intl.DateTimeFormat("sv-SE", { timeStyle: "medium" }),
  minute: new Intl.DateTimeFormat("sv-SE", { dateStyle: "short", timeStyle: "short" }),
  second: new Intl.DateTimeFormat("sv-SE", { dateStyle: "short", timeStyle: "medium" }),
  millisecond: new Intl.DateTimeFormat("sv-SE", {
    year: "numeric", month: "2-digit", day: "2-digit",
    hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 3,
  }),
};

function duration(seconds) {
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3_600)} h`;
  return `${Math.floor(seconds / 86_400)} d`;
}

function relative(moment, now) {
  const seconds = (now - moment) / 1_000;
  if (Math.abs(seconds) < 10) return "just now";
  return seconds > 0 ? `${duration(seconds)} ago` : `in ${duration(-seconds)}`;
}

function countdown(moment, now) {
  const seconds = (moment - now) / 1_000;
  return seconds >= 0 ? `${duration(seconds)} left` : `${duration(-seconds)} over`;
}

function write(element, words) {
  if (element.textContent !== words) element.textContent = words;
}

function update(element, now) {
  const moment = new Date(element.dateTime);
  if (Number.isNaN(moment.getTime())) return;
  if (element.dataset.exact) {
    const format = exactFormats[element.dataset.exact] ?? exactFormats.second;
    write(element, format.format(moment).replace(",", "."));
    element.title = `${exactFormats.millisecond.format(moment).replace(",", ".")} ${zone}`;
    return;
  }
  element.title = `${exactFormats.second.format(moment)} ${zone}`;
  const countsDown = element.dataset.countdown !== undefined;
  write(element, countsDown ? countdown(moment, now) : relative(moment, now));
  if (countsDown) element.classList.toggle("text-danger-strong", moment < now);
}

function updateAll(root = document) {
  const now = new Date();
  const selector = "time[data-relative], time[data-countdown], time[data-exact]";
  for (const element of root.querySelectorAll(selector)) update(element, now);
}

updateAll();
setInterval(() => document.hidden || updateAll(), TICK_MILLISECONDS);
document.addEventListener("visibilitychange", () => document.hidden || updateAll());
document.addEventListener("htmx:load", (event) => updateAll(event.target.parentElement ?? document));
document.addEventListener("incident-center:replaced", (event) => updateAll(event.target));

// A touch screen has no hover, and a title does not show on focus: then the exact time stands where the words were.
document.addEventListener("focusin", (event) => {
  if (event.target.matches?.("time[data-relative]")) event.target.textContent = event.target.title;
});
document.addEventListener("focusout", (event) => {
  if (event.target.matches?.("time[data-relative]")) update(event.target, new Date());
});

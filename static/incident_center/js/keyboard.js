// Everything by keyboard. Attributes that pages use:
//   data-rows       around a list; its rows have data-row, and in each row one link has data-row-link (the focus goes there)
//   data-row-select the checkbox of a row, toggled by x
//   data-key="a"    a button that this key presses: the one in the current row first, then the page's
//   data-go="i"     a link that g then i follows
//   data-search     the page's own search field: / goes there; without one, / opens the palette
// Single keys can be switched off in the help sheet (WCAG 2.1.4); Ctrl K always works.

const SEQUENCE_MILLISECONDS = 1_200;
let goUntil = 0;

function singleKeysAreOn() {
  try {
    return localStorage.getItem("single-keys") !== "off";
  } catch {
    return true;
  }
}

function isTyping(element) {
  return element.isContentEditable || element.matches("textarea, select, input:not([type=checkbox], [type=radio], [type=button], [type=submit])");
}

function isVisible(element) {
  return element.checkVisibility?.() ?? element.offsetParent !== null;
}

function rows() {
  return [...document.querySelectorAll("[data-rows] [data-row]")].filter(isVisible);
}

function currentRow() {
  return document.activeElement?.closest("[data-row]") ?? document.querySelector("[data-row].is-current");
}

function moveTo(row) {
  for (const other of document.querySelectorAll("[data-row].is-current")) other.classList.remove("is-current");
  row.classList.add("is-current");
  const target = row.querySelector("[data-row-link]") ?? row;
  target.focus({ preventScroll: true });
  row.scrollIntoView({ block: "nearest" });
}

function step(direction) {
  const all = rows();
  if (!all.length) return;
  const index = all.indexOf(currentRow());
  const next = index < 0 ? (direction > 0 ? 0 : all.length - 1) : index + direction;
  if (all[next]) moveTo(all[next]);
}

function press(key) {
  const scopes = [currentRow(), document];
  for (const scope of scopes) {
    const button = [...(scope?.querySelectorAll(`[data-key="${CSS.escape(key)}"]`) ?? [])].find(isVisible);
    if (button && !button.disabled) {
      button.click();
      return true;
    }
  }
  return false;
}

const actions = {
  "j": () => step(1),
  "k": () => step(-1),
  "x": () => currentRow()?.querySelector("[data-row-select]")?.click(),
  "?": () => document.getElementById("help")?.showModal(),
  "g": () => { goUntil = Date.now() + SEQUENCE_MILLISECONDS; },
  "/": () => {
    const field = [...document.querySelectorAll("[data-search]")].find(isVisible);
    if (field) field.focus();
    else document.dispatchEvent(new CustomEvent("incident-center:palette"));
  },
};

document.addEventListener("keydown", (event) => {
  if (event.isComposing || event.defaultPrevented) return;
  if ((event.ctrlKey || event.metaKey) && !event.altKey && event.key.toLowerCase() === "k") {
    event.preventDefault();
    document.dispatchEvent(new CustomEvent("incident-center:palette"));
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape" && isTyping(event.target) && !event.target.closest("dialog")) {
    event.target.blur();
    return;
  }
  if (isTyping(event.target) || document.querySelector("dialog[open]") || !singleKeysAreOn()) return;
  if (Date.now() < goUntil) {
    goUntil = 0;
    const link = document.querySelector(`[data-go="${CSS.escape(event.key)}"]`);
    if (link) {
      event.preventDefault();
      link.click();
    }
    return;
  }
  if (Object.hasOwn(actions, event.key)) {
    event.preventDefault();
    actions[event.key]();
  } else if (event.key.length === 1 && press(event.key)) {
    event.preventDefault();
  }
});

// Enter on a row that holds no link of its own follows the row's first link.
document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && event.target.matches?.("[data-row]")) event.target.querySelector("a")?.click();
});

const box = document.querySelector("[data-single-keys]");
if (box) {
  box.checked = singleKeysAreOn();
  box.addEventListener("change", () => {
    try {
      localStorage.setItem("single-keys", box.checked ? "on" : "off");
    } catch {
      box.checked = true; // Without storage the choice could not be kept.
    }
  });
}

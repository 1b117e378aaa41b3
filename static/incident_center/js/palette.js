// The command palette: data-palette-open, `/` or Ctrl K. It offers the pages of the navigation at once, and what the server
// finds (data-palette-url?q=…, see kernel/portal/palette.py) as one types: INC-42, services, actions.

const PAUSE_MILLISECONDS = 120;
const dialog = document.getElementById("palette");
const input = dialog?.querySelector(".palette-input");
const list = dialog?.querySelector("[role=listbox]");
const empty = dialog?.querySelector(".palette-empty");
let items = [];
let selected = 0;
let timer = null;
let asked = null;

function pages(query) {
  const words = query.toLowerCase();
  return [...document.querySelectorAll(".sidebar .navigation-link, .topbar .inbox-link")]
    .map((link) => ({
      label: link.querySelector("span").textContent,
      hint: "Page",
      url: link.href,
      icon: link.querySelector("use").getAttribute("href").split("#")[1],
      method: "get",
    }))
    .filter((item) => item.label.toLowerCase().includes(words));
}

function row(item, index) {
  const element = document.createElement("li");
  element.className = "palette-result";
  element.id = `palette-result-${index}`;
  element.setAttribute("role", "option");
  element.setAttribute("aria-selected", String(index === selected));
  element.dataset.index = String(index);
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `${document.documentElement.dataset.icons}#${item.icon}`);
  svg.append(use);
  const label = document.createElement("span");
  label.className = "palette-label";
  label.textContent = item.label;
  const hint = document.createElement("span");
  hint.className = "palette-hint";
  hint.textContent = item.hint;
  element.append(svg, label, hint);
  return element;
}

function draw() {
  selected = Math.max(0, Math.min(selected, items.length - 1));
  list.replaceChildren(...items.map(row));
  if (items.length) input.setAttribute("aria-activedescendant", `palette-result-${selected}`);
  else input.removeAttribute("aria-activedescendant");
  list.hidden = !items.length;
  empty.hidden = items.length > 0;
  empty.textContent = items.length ? "" : `Nothing found for “${input.value.trim()}”.`;
  list.children[selected]?.scrollIntoView({ block: "nearest" });
}

async function search() {
  const query = input.value.trim();
  items = pages(query);
  selected = 0;
  draw();
  if (!dialog.dataset.paletteUrl) return;
  asked?.abort();
  asked = new AbortController();
  try {
    const response = await fetch(`${dialog.dataset.paletteUrl}?q=${encodeURIComponent(query)}`, { signal: asked.signal, headers: { Accept: "application/json" } });
    if (response.status === 401) {
      document.dispatchEvent(new CustomEvent("incident-center:session-expired"));
      return;
    }
    if (!response.ok || !response.headers.get("Content-Type")?.includes("json")) return;
    const answer = await response.json();
    if (query === input.value.trim()) {
      items = query ? [...answer.items, ...pages(query)] : [...pages(query), ...answer.items];
      draw();
    }
  } catch {
    // Stopped by the next letter, or no connection: the pages are still there to go to.
  }
}

function follow(item) {
  dialog.close();
  if (item.method !== "post") {
    location.assign(item.url);
    return;
  }
  const form = document.createElement("form");
  form.method = "post";
  form.action = item.url;
  const token = document.createElement("input");
  token.type = "hidden";
  token.name = "csrfmiddlewaretoken";
  token.value = JSON.parse(document.body.getAttribute("hx-headers"))["X-CSRFToken"];
  form.append(token);
  document.body.append(form);
  form.submit();
}

function open() {
  if (dialog.open) return;
  for (const other of document.querySelectorAll("dialog[open]")) other.close();
  input.value = "";
  dialog.showModal();
  input.focus();
  search();
}

if (dialog) {
  document.addEventListener("incident-center:palette", open);
  document.addEventListener("click", (event) => event.target.closest("[data-palette-open]") && open());
  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(search, PAUSE_MILLISECONDS);
  });
  input.addEventListener("keydown", (event) => {
    const move = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (move && items.length) {
      event.preventDefault();
      selected = (selected + move + items.length) % items.length;
      draw();
    } else if (event.key === "Enter" && items[selected]) {
      event.preventDefault();
      follow(items[selected]);
    }
  });
  list.addEventListener("click", (event) => {
    const chosen = event.target.closest("[data-index]");
    if (chosen) follow(items[Number(chosen.dataset.index)]);
  });
}

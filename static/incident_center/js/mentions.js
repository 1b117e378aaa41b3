// Names people in a note: after an @ in <textarea data-mentions="<id of the JSON list>">, a list of members to choose from.
// The list holds [{handle, name}]; what is chosen is written as "@handle ". Arrow keys, Enter and Escape work as in any menu.

const MOST_SHOWN = 6;

function typed(field) {
  const before = field.value.slice(0, field.selectionStart);
  return before.match(/(?:^|[\s(])@([\w.+-]*)$/);
}

function setUp(field) {
  const people = JSON.parse(document.getElementById(field.dataset.mentions)?.textContent ?? "[]");
  if (!people.length) return;
  const list = document.createElement("ul");
  list.className = "mentions";
  list.id = `${field.dataset.mentions}-list`;
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", "People");
  list.hidden = true;
  field.after(list);
  field.setAttribute("aria-controls", list.id);
  let chosen = 0;

  function close() {
    list.hidden = true;
    field.removeAttribute("aria-activedescendant");
  }

  function take(handle) {
    const start = field.selectionStart - typed(field)[1].length;
    field.setRangeText(`${handle} `, start, field.selectionStart, "end");
    field.dispatchEvent(new Event("input", { bubbles: true }));
    close();
    field.focus();
  }

  function mark() {
    [...list.children].forEach((item, index) => item.setAttribute("aria-selected", String(index === chosen)));
    field.setAttribute("aria-activedescendant", list.children[chosen].id);
  }

  field.addEventListener("input", () => {
    const match = typed(field);
    const wanted = match?.[1].toLowerCase() ?? "";
    const fitting = match
      ? people.filter((one) => one.handle.startsWith(wanted) || one.name.toLowerCase().includes(wanted)).slice(0, MOST_SHOWN)
      : [];
    list.replaceChildren(...fitting.map((one, index) => {
      const item = document.createElement("li");
      item.id = `${list.id}-${index}`;
      item.setAttribute("role", "option");
      item.dataset.handle = one.handle;
      item.textContent = `${one.name} @${one.handle}`;
      return item;
    }));
    list.hidden = fitting.length === 0;
    chosen = 0;
    if (fitting.length) mark();
    else close();
  });

  field.addEventListener("keydown", (event) => {
    if (list.hidden) return;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      chosen = (chosen + (event.key === "ArrowDown" ? 1 : -1) + list.children.length) % list.children.length;
      mark();
    } else if ((event.key === "Enter" && !event.ctrlKey && !event.metaKey) || event.key === "Tab") {
      take(list.children[chosen].dataset.handle);
    } else if (event.key === "Escape") {
      close();
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  });

  list.addEventListener("pointerdown", (event) => {
    const item = event.target.closest("[role=option]");
    if (!item) return;
    event.preventDefault();
    take(item.dataset.handle);
  });

  field.addEventListener("blur", close);
}

for (const field of document.querySelectorAll("textarea[data-mentions]")) setUp(field);

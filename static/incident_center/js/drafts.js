// Nothing typed is lost: a field with data-draft-key="note-<incident id>" is kept in this browser while it is typed, and comes
// back after a reload, a lost connection or an expired session. It is dropped when the server has taken it: an htmx request
// of its form that succeeded, or data-draft-saved="<key>" on the page that answers a plain form.
// An element with data-draft-note="<key>" says that a draft was restored. Signing out drops all of them.

const KEEP_MILLISECONDS = 14 * 24 * 3_600 * 1_000;
const prefix = `draft:${document.body.dataset.person ?? ""}:`;

function read(key) {
  try {
    return JSON.parse(localStorage.getItem(prefix + key));
  } catch {
    return null;
  }
}

function write(key, text) {
  try {
    if (text) localStorage.setItem(prefix + key, JSON.stringify({ text, at: Date.now() }));
    else localStorage.removeItem(prefix + key);
  } catch {
    // Storage is full or off: the text is still in the field, and nothing else can be done.
  }
}

function drop(matches) {
  try {
    for (const name of Object.keys(localStorage)) if (name.startsWith("draft:") && matches(name)) localStorage.removeItem(name);
  } catch {
    // Storage is off, so there is nothing to drop.
  }
}

function note(key, words) {
  for (const element of document.querySelectorAll("[data-draft-note]")) {
    if (element.dataset.draftNote === key) element.textContent = words;
  }
}

function restore(root) {
  for (const field of root.querySelectorAll("[data-draft-key]")) {
    const draft = read(field.dataset.draftKey);
    // What the server sent wins only when it sent something: a form with errors has the newer text.
    if (!draft || field.value) continue;
    field.value = draft.text;
    field.dispatchEvent(new Event("input", { bubbles: true }));
    note(field.dataset.draftKey, "Draft restored.");
  }
}

for (const saved of document.querySelectorAll("[data-draft-saved]")) write(saved.dataset.draftSaved, "");
drop((name) => {
  try {
    return Date.now() - JSON.parse(localStorage.getItem(name)).at > KEEP_MILLISECONDS;
  } catch {
    return true;
  }
});
restore(document);

document.addEventListener("input", (event) => {
  const key = event.target.dataset?.draftKey;
  if (key === undefined) return;
  write(key, event.target.value);
  note(key, "");
});

document.addEventListener("htmx:afterRequest", (event) => {
  if (!event.detail.successful) return;
  const form = event.detail.elt.closest("form");
  for (const field of form?.querySelectorAll("[data-draft-key]") ?? []) {
    write(field.dataset.draftKey, "");
    if (form.dataset.resetAfter !== undefined) field.value = "";
  }
});

document.addEventListener("htmx:load", (event) => event.target.querySelectorAll && restore(event.target));

document.addEventListener("submit", (event) => {
  if (event.target.action?.endsWith("/logout/")) drop((name) => name.startsWith(prefix));
});

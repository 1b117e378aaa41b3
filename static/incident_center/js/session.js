// When the session has ended in the meantime (401 to htmx or fetch, or the live connection refused with 4401), the page says so and
// leads to the sign-in and back here. Other modules tell of it with `incident-center:session-expired` on the document.

const dialog = document.getElementById("session-expired");

function show() {
  if (!dialog || dialog.open) return;
  const link = dialog.querySelector("[data-sign-in]");
  const here = location.pathname + location.search + location.hash;
  link.href = `${document.body.dataset.signInUrl}?next=${encodeURIComponent(here)}`;
  for (const other of document.querySelectorAll("dialog[open]")) other.close();
  dialog.showModal();
}

document.addEventListener("htmx:beforeSwap", (event) => {
  if (event.detail.xhr.status === 401) {
    event.detail.shouldSwap = false;
    show();
  }
});
document.addEventListener("incident-center:session-expired", show);

// Native dialogs: data-dialog-open="<id>" opens, data-dialog-close closes, a click on the backdrop closes.
// The browser traps the focus and gives it back. Bootstrap's menus close when a dialog opens from them.

document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-dialog-open]");
  if (opener) {
    const dialog = document.getElementById(opener.dataset.dialogOpen);
    for (const other of document.querySelectorAll("dialog[open]")) if (other !== dialog) other.close();
    if (dialog && !dialog.open) dialog.showModal();
    return;
  }
  if (event.target.closest("[data-dialog-close]")) {
    event.target.closest("dialog")?.close();
    return;
  }
  if (event.target instanceof HTMLDialogElement) {
    const box = event.target.getBoundingClientRect();
    const inside = event.clientX >= box.left && event.clientX <= box.right && event.clientY >= box.top && event.clientY <= box.bottom;
    if (!inside) event.target.close();
  }
});

// A form in a dialog that came back with errors is shown again at once: data-open-now, on the dialog or on the form in it.
for (const dialog of document.querySelectorAll("dialog:is([data-open-now], :has([data-open-now]))")) dialog.showModal();

// Small helps for forms, all of which work without them:
//   data-filter-form   a filter form submits itself when a choice changes, and leaves empty fields out of the URL
//   data-submit-once   (default for POST) a second click while the first is under way does nothing
//   data-download      the answer is a file and the page stays, so the form may be sent again
//   data-check-all     a checkbox that ticks every data-row-select below the same data-rows
//   data-bulk          a bar shown while at least one row is ticked; data-bulk-count says how many
//   data-show-password a button that shows what is typed in the field with that id
//   Ctrl Enter in a textarea sends its form

document.addEventListener("change", (event) => {
  const form = event.target.closest("form[data-filter-form]");
  if (form && event.target.matches("select, input[type=checkbox], input[type=radio], input[type=date], input[type=datetime-local]")) form.requestSubmit();
});

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.matches("[data-filter-form]:not([hx-get])")) {
    for (const field of form.elements) if (field.name && !field.value) field.disabled = true;
    setTimeout(() => { for (const field of form.elements) field.disabled = false; });
    return;
  }
  if (form.method !== "post" || form.hasAttribute("hx-post") || form.hasAttribute("data-download")) return;
  if (form.dataset.underWay !== undefined) event.preventDefault();
  form.dataset.underWay = "";
});
addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-under-way]")) delete form.dataset.underWay;
});
document.addEventListener("htmx:configRequest", (event) => {
  if (!event.detail.elt.matches?.("form[data-filter-form]")) return;
  for (const [name, value] of [...event.detail.formData.entries()]) if (value === "") event.detail.formData.delete(name);
});

document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && event.target.matches?.("textarea")) event.target.form?.requestSubmit();
});

function updateBulk() {
  const count = document.querySelectorAll("[data-row-select]:checked").length;
  for (const bar of document.querySelectorAll("[data-bulk]")) {
    bar.hidden = count === 0;
    for (const place of bar.querySelectorAll("[data-bulk-count]")) place.textContent = String(count);
  }
}

document.addEventListener("change", (event) => {
  if (event.target.matches("[data-check-all]")) {
    const list = event.target.closest("[data-rows]") ?? document;
    for (const box of list.querySelectorAll("[data-row-select]")) box.checked = event.target.checked;
  }
  if (event.target.matches("[data-check-all], [data-row-select]")) updateBulk();
});
document.addEventListener("incident-center:replaced", updateBulk);

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-show-password]");
  const field = button && document.getElementById(button.dataset.showPassword);
  if (!field) return;
  const shows = field.type === "password";
  field.type = shows ? "text" : "password";
  button.setAttribute("aria-pressed", String(shows));
});

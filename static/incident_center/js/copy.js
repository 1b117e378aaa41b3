// Copy buttons: data-copy="text" copies the text, data-copy-from="<id>" copies what an element holds.
// The button says that it worked; where the clipboard is out of reach it selects the text instead.

const SAID_MILLISECONDS = 2_000;

function say(button, words) {
  const label = button.querySelector("[data-copy-label]");
  if (!label) return;
  label.dataset.before ??= label.textContent;
  label.textContent = words;
  setTimeout(() => { label.textContent = label.dataset.before; }, SAID_MILLISECONDS);
}

function select(element) {
  const range = document.createRange();
  range.selectNodeContents(element);
  getSelection().removeAllRanges();
  getSelection().addRange(range);
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy], [data-copy-from]");
  if (!button) return;
  const source = button.dataset.copyFrom ? document.getElementById(button.dataset.copyFrom) : null;
  const text = source ? (source.value ?? source.textContent) : button.dataset.copy;
  try {
    await navigator.clipboard.writeText(text);
    say(button, "Copied");
  } catch {
    const shown = source ?? button.closest(".code-block")?.querySelector("code");
    if (shown) select(shown);
    say(button, "Press Ctrl C");
  }
});

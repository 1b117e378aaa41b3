// The theme follows the system until a person chooses one: buttons with data-theme-choice="system|light|dark".
// Fires `incident-center:theme` on the document when the colours change, so that charts draw themselves again.

const system = matchMedia("(prefers-color-scheme: dark)");

function chosen() {
  try {
    return localStorage.getItem("theme") ?? "system";
  } catch {
    return "system";
  }
}

function apply() {
  const choice = chosen();
  const dark = choice === "dark" || (choice === "system" && system.matches);
  document.documentElement.dataset.bsTheme = dark ? "dark" : "light";
  for (const button of document.querySelectorAll("[data-theme-choice]")) {
    const pressed = button.dataset.themeChoice === choice;
    button.setAttribute("aria-pressed", String(pressed));
    button.classList.toggle("active", pressed);
  }
  document.dispatchEvent(new CustomEvent("incident-center:theme"));
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-theme-choice]");
  if (!button) return;
  try {
    if (button.dataset.themeChoice === "system") localStorage.removeItem("theme");
    else localStorage.setItem("theme", button.dataset.themeChoice);
  } catch {
    document.documentElement.dataset.bsTheme = button.dataset.themeChoice;
    return;
  }
  apply();
});

system.addEventListener("change", apply);
addEventListener("storage", (event) => event.key === "theme" && apply());
apply();

// Says in a sentence why a passkey did not work. allauth's scripts do the ceremony and report failures as an event.

const sentences = {
  NotAllowedError: "The browser was not allowed to, or it took too long. Try again.",
  InvalidStateError: "This key is registered already.",
  NotSupportedError: "This browser or key cannot do that. Use another one, or a code.",
  SecurityError: "Passkeys need https, or the name localhost. Ask whoever runs this installation.",
};

document.addEventListener("allauth.error", (event) => {
  const place = document.querySelector("[data-passkey-error]");
  if (!place) return;
  event.preventDefault();
  place.hidden = false;
  place.textContent = sentences[event.detail.exception?.name] ?? "The key could not be read. Try again, or use a code.";
});

// Notices at the corner, read out by screen readers. They come with the page (Django messages), from an answer's
// HX-Trigger: {"notice": {"text": "…", "undo_url": "…"}}, or from `incident-center:notice` on the document with the same detail
// ({text, level, undo_url}). One with an Undo stays longer, and none goes while it is pointed at or has the focus.

const STAY_MILLISECONDS = 6_000;
const STAY_WITH_UNDO_MILLISECONDS = 12_000;
const region = document.getElementById("toasts");

const reasons = {
  403: "Your role may not do that.",
  404: "That is not there any more. Reload the page.",
  429: "Too many requests at once. Wait a moment and try again.",
};

function sentenceOf(answer) {
  const page = new DOMParser().parseFromString(answer.responseText, "text/html");
  const sentence = page.querySelector("[data-error-notice]")?.textContent.trim();
  const request = answer.status >= 500 ? answer.getResponseHeader("X-Request-ID") : "";
  return sentence && request ? `${sentence} Request ${request}.` : sentence;
}

function csrfToken() {
  return JSON.parse(document.body.getAttribute("hx-headers") ?? "{}")["X-CSRFToken"] ?? "";
}

function svgIcon(name, label) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", "icon");
  if (label) {
    svg.setAttribute("role", "img");
    svg.setAttribute("aria-label", label);
  } else {
    svg.setAttribute("aria-hidden", "true");
  }
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `${document.documentElement.dataset.icons}#${name}`);
  svg.append(use);
  return svg;
}

function undoForm(url) {
  const form = document.createElement("form");
  form.method = "post";
  form.action = url;
  const token = document.createElement("input");
  token.type = "hidden";
  token.name = "csrfmiddlewaretoken";
  token.value = csrfToken();
  const button = document.createElement("button");
  button.className = "btn btn-secondary btn-small";
  button.append(svgIcon("undo-2"), "Undo");
  form.append(token, button);
  return form;
}

function show({ text, level = "success", undo_url: undoUrl = "" }) {
  const notice = document.createElement("div");
  notice.className = `notice notice-${level}`;
  notice.dataset.notice = "";
  const words = document.createElement("div");
  words.className = "notice-text";
  words.textContent = text;
  const close = document.createElement("button");
  close.type = "button";
  close.className = "btn btn-quiet btn-small btn-icon";
  close.dataset.noticeClose = "";
  close.append(svgIcon("x", "Dismiss"));
  notice.append(svgIcon(level === "error" ? "circle-x" : level === "warning" ? "triangle-alert" : "circle-check"), words);
  if (undoUrl) notice.append(undoForm(undoUrl));
  notice.append(close);
  region.append(notice);
}

// An error stays until it is dismissed: it says what was not done.
function goesByItself(notice) {
  if (notice.classList.contains("notice-error")) return;
  const stay = notice.querySelector("form") ? STAY_WITH_UNDO_MILLISECONDS : STAY_MILLISECONDS;
  const leave = () => (notice.matches(":hover, :focus-within") ? setTimeout(leave, 2_000) : notice.remove());
  setTimeout(leave, stay);
}

if (region) {
  for (const notice of region.querySelectorAll("[data-notice]")) goesByItself(notice);
  new MutationObserver((changes) => {
    for (const change of changes) {
      for (const node of change.addedNodes) if (node.dataset?.notice !== undefined) goesByItself(node);
    }
  }).observe(region, { childList: true });

  region.addEventListener("click", (event) => event.target.closest("[data-notice-close]")?.closest("[data-notice]").remove());
  document.addEventListener("incident-center:notice", (event) => show(event.detail));
  document.addEventListener("notice", (event) => show(event.detail));
  // An error page that answers an htmx request is not put into the page: its sentence is shown here.
  document.addEventListener("htmx:beforeSwap", (event) => {
    if (event.detail.xhr.status < 400 || event.detail.xhr.status === 401) return;
    const sentence = sentenceOf(event.detail.xhr);
    if (!sentence) return;
    event.detail.shouldSwap = false;
    event.detail.isError = false;
    show({ level: "error", text: sentence });
  });
  document.addEventListener("htmx:responseError", (event) => {
    const { status } = event.detail.xhr;
    if (status === 401) return;
    show({ level: "error", text: reasons[status] ?? `The server answered ${status}. Nothing was changed; try again.` });
  });
  document.addEventListener("htmx:sendError", () => {
    show({ level: "error", text: "No connection to the server. Nothing was changed; what you typed is kept." });
  });
}

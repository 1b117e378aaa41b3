// The button that lets this browser be notified: asks for permission, subscribes, and hands the subscription to the form around it.

const button = document.querySelector("[data-push-key]");

function key(text) {
  const padded = text.replaceAll("-", "+").replaceAll("_", "/");
  return Uint8Array.from(atob(padded), (letter) => letter.charCodeAt(0));
}

function say(sentence) {
  const place = document.querySelector("[data-push-error]");
  place.textContent = sentence;
  place.hidden = false;
}

async function subscribe() {
  if ((await Notification.requestPermission()) !== "granted") {
    return say("This browser does not allow it. Change that in its settings for this site.");
  }
  const { pushKey, pushWorker } = button.dataset;
  const registration = await navigator.serviceWorker.register(pushWorker);
  const options = { userVisibleOnly: true, applicationServerKey: key(pushKey) };
  let subscription;
  try {
    subscription = await registration.pushManager.subscribe(options);
  } catch (error) {
    if (error.name !== "InvalidStateError") throw error;
    // It holds one for another key, of an installation that was here before.
    await (await registration.pushManager.getSubscription())?.unsubscribe();
    subscription = await registration.pushManager.subscribe(options);
  }
  const form = button.form;
  form.elements.address.value = JSON.stringify(subscription);
  form.elements.label.value = navigator.userAgentData?.platform || navigator.platform || "";
  form.submit();
}

if (button && "serviceWorker" in navigator && "PushManager" in window) {
  button.form.hidden = false;
  button.addEventListener("click", () => {
    subscribe().catch(() => say("The browser could not subscribe. Its maker's push service may be out of reach from here."));
  });
}

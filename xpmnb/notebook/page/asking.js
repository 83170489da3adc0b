// Asking before what cannot be undone: a question in the place of the button, with two answers. Escape says no.

// A double click, or a key held down, is no answer.
const ANSWER_AFTER_MS = 350;

// `host` stands in something positioned, over which the question lies: nothing moves. A view asks one thing at a time.
function askBefore(view, host, origin, { question, yes, act, onClose }) {
  view.closeAsk?.();
  const strip = make("div", "xpm-ask", "", { role: "group", "aria-label": question });
  const asked = performance.now();
  const close = (refocus) => {
    if (!strip.parentNode) return;
    const inside = strip.contains(document.activeElement);
    strip.remove();
    view.closeAsk = null;
    onClose?.();
    if (refocus && inside) focusNear(origin, host);
  };
  const text = make("span", "xpm-question", question);
  text.title = question;
  const sure = makeButton("xpm-button xpm-sure", yes, () => {
    if (performance.now() - asked < ANSWER_AFTER_MS) return;
    act();
    close(true);
  });
  strip.append(text, sure, makeButton("xpm-button", "No", () => close(true)));
  strip.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    event.preventDefault();
    close(true);
  });
  host.append(strip);
  view.closeAsk = close;
  sure.focus({ preventScroll: true });
  return close;
}

// The button that was pressed may be disabled by now.
function focusNear(origin, host) {
  const button = origin.isConnected && !origin.disabled ? origin : host.querySelector("button:enabled");
  button?.focus({ preventScroll: true });
}

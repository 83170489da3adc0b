// Small things that every part of the page makes: elements, bars, sparklines, numbers and durations as words.
// Text goes through textContent, never through markup. Nothing is loaded from anywhere.

const TONES = ["done", "running", "failed", "cancelled", "waiting"];
const SVG = "http://www.w3.org/2000/svg";

function make(tag, className, text, attributes = {}) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

// The same as a last child.
function add(parent, ...what) {
  return parent.appendChild(make(...what));
}

function makeButton(className, text, onClick) {
  const button = make("button", className, text);
  button.type = "button";
  if (onClick) button.addEventListener("click", onClick);
  return button;
}

// Writes only what differs, so that a selection in the text survives and nothing is laid out again.
function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function setAttribute(element, name, value) {
  if (element.getAttribute(name) !== String(value)) element.setAttribute(name, value);
}

function same(one, other) {
  return JSON.stringify(one) === JSON.stringify(other);
}

function makeBar(label) {
  const bar = make("span", "xpm-bar", "", {
    role: "progressbar",
    "aria-label": label,
    "aria-valuemin": 0,
    "aria-valuemax": 100,
  });
  bar.append(make("span"));
  return bar;
}

// Without a value it shows that something goes on, and not how far.
function drawBar(bar, value) {
  bar.classList.toggle("xpm-unknown", value === null);
  bar.firstChild.style.width = value === null ? "" : `${100 * value}%`;
  if (value === null) bar.removeAttribute("aria-valuenow");
  else setAttribute(bar, "aria-valuenow", Math.floor(100 * value));
}

function percentOf(value) {
  return value === null ? "" : `${Math.floor(100 * value)} %`;
}

function makeSpark(className) {
  const spark = document.createElementNS(SVG, "svg");
  spark.setAttribute("class", className);
  spark.setAttribute("viewBox", "0 0 100 100");
  spark.setAttribute("preserveAspectRatio", "none");
  spark.setAttribute("aria-hidden", "true");
  spark.append(document.createElementNS(SVG, "polyline"));
  return spark;
}

function drawSpark(spark, heights) {
  const step = heights.length > 1 ? 100 / (heights.length - 1) : 0;
  // One value is a level line; a margin keeps the stroke inside.
  const all = heights.length === 1 ? [heights[0], heights[0]] : heights;
  const points = all.map((height, place) => {
    const across = heights.length === 1 ? 100 * place : place * step;
    return `${across.toFixed(1)},${(94 - 0.88 * height).toFixed(1)}`;
  });
  setAttribute(spark.firstChild, "points", points.join(" "));
}

function makePair(kind, name, said) {
  const item = make("span", `xpm-${kind}`);
  item.append(make("span", "xpm-key", name), said);
  return item;
}

// As format_duration in rows.py.
function formatDuration(seconds) {
  const all = Math.max(0, seconds);
  if (Math.round(all * 10) / 10 < 10) return `${all.toFixed(1)} s`;
  const whole = Math.round(all);
  const two = (number) => String(number).padStart(2, "0");
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${two(whole % 60)} s`;
  if (whole < 86400) return `${Math.floor(whole / 3600)} h ${two(Math.floor((whole % 3600) / 60))} min`;
  return `${Math.floor(whole / 86400)} d ${two(Math.floor((whole % 86400) / 3600))} h`;
}

// Up to so many seconds, a guess is rounded to such steps: it is told without the precision that it does not have.
const ROUGH_STEPS = [[10, 1], [55, 5], [570, 60], [3450, 300], [10_500, 600], [84_600, 3600]];

function roughDuration(seconds) {
  const [, step] = ROUGH_STEPS.find(([most]) => seconds < most) ?? [Infinity, 86_400];
  const whole = Math.max(step < 60 ? 1 : 60, Math.round(seconds / step) * step);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${whole / 60} min`;
  if (step >= 86_400) return `${whole / step} d`;
  const minutes = (whole % 3600) / 60;
  return `${Math.floor(whole / 3600)} h${minutes ? ` ${minutes} min` : ""}`;
}

// What takes longer than was expected ends nobody knows when.
function leftWords(seconds) {
  return seconds <= 0 ? "" : `≈ ${roughDuration(seconds)} left`;
}

function formatBytes(bytes) {
  if (bytes < 1000) return `${bytes} bytes`;
  if (bytes < 1e6) return `${Math.round(bytes / 1000)} kB`;
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

function formatCount(number) {
  return number.toLocaleString("en");
}

function jobsWord(number) {
  return number === 1 ? "1 job" : `${formatCount(number)} jobs`;
}

// Returns whether the text is in the clipboard.
async function copyText(text, near) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyBySelecting(text, near);
  }
}

// Pages that are not served over https have no clipboard of their own.
function copyBySelecting(text, near) {
  const before = document.activeElement;
  const area = make("textarea", "xpm-unseen");
  area.value = text;
  near.append(area);
  area.select();
  let copied = false;
  try {
    copied = document.execCommand("copy");
  } catch {
    copied = false;
  }
  area.remove();
  before?.focus({ preventScroll: true });
  return copied;
}

// The button says for a moment what came of it.
async function copyFrom(button, label, text, selectable) {
  const copied = await copyText(text, button.parentElement);
  if (!copied && selectable) getSelection().selectAllChildren(selectable);
  label.textContent = copied ? "Copied" : "Press Ctrl+C";
  setTimeout(() => { label.textContent = label.dataset.text; }, 2000);
  return copied;
}

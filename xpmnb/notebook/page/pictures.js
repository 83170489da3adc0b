// Pictures that the kernel draws: the timeline and the graph. They are parsed as XML. What belongs to a job shows its
// card when it is clicked; for the keyboard the picture is one stop, in which arrows go from job to job.

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

class Picture {
  constructor(view, name) {
    this.view = view;
    this.name = name;
    this.items = [];
    this.element = make("div", "xpm-picture", "", { role: "region", "aria-label": VIEW_NAMES[name] ?? name });
    this.element.addEventListener("click", (event) => this.reveal(event.target));
    this.element.addEventListener("keydown", (event) => this.pressed(event));
    this.element.addEventListener("focusin", (event) => this.choose(event.target));
    this.draw();
  }

  draw() {
    const source = this.view.store.drawings[this.name] ?? "";
    if (source === this.source) return;
    this.source = source;
    const picture = source && parsePicture(source);
    if (picture) this.show(picture);
    else if (!this.element.querySelector("svg")) {
      const words = source ? "The picture cannot be shown." : "Asking the kernel for the picture …";
      this.element.replaceChildren(make("p", "xpm-empty", words));
    }
  }

  show(picture) {
    const focused = this.items.includes(document.activeElement);
    const key = this.chosen?.dataset.key;
    // What is an image to a reader of the screen has nothing in it.
    picture.setAttribute("role", "group");
    this.items = [...picture.querySelectorAll("[data-key]")];
    for (const item of this.items) {
      item.setAttribute("role", "button");
      item.setAttribute("aria-label", item.querySelector("title")?.textContent ?? "");
      item.setAttribute("tabindex", -1);
    }
    this.element.replaceChildren(picture);
    // A picture without jobs can be scrolled by keys all the same.
    this.element.tabIndex = this.items.length ? -1 : 0;
    this.chosen = null;
    this.choose(this.items.find((item) => item.dataset.key === key) ?? this.items[0]);
    if (focused) this.chosen?.focus({ preventScroll: true });
  }

  choose(item) {
    if (!this.items.includes(item)) return;
    this.chosen?.setAttribute("tabindex", -1);
    item.setAttribute("tabindex", 0);
    this.chosen = item;
  }

  reveal(target) {
    const item = target.closest?.("[data-key]");
    this.choose(item);
    if (item) this.view.table.reveal(item.dataset.key);
  }

  pressed(event) {
    if (!this.items.includes(event.target)) return;
    const { key } = event;
    if (key === "Enter" || key === " ") this.reveal(event.target);
    else if (key === "Home") this.items[0].focus();
    else if (key === "End") this.items.at(-1).focus();
    else if (ARROWS[key]) nextItem(this.items, event.target, ARROWS[key])?.focus();
    else return;
    event.preventDefault();
  }
}

// The nearest item in a direction, rather straight ahead than aside; where there is none, the next in order.
function nextItem(items, from, [across, down]) {
  const here = from.getBoundingClientRect();
  let best = null;
  let least = Infinity;
  for (const item of items) {
    const there = item.getBoundingClientRect();
    const sides = [gapOf(here, there, "left", "right"), gapOf(here, there, "top", "bottom")];
    const [ahead, aside] = across ? sides : sides.reverse();
    const far = ahead * (across + down);
    if (far < 0 || ahead === 0) continue;
    if (far + 2 * Math.abs(aside) >= least) continue;
    least = far + 2 * Math.abs(aside);
    best = item;
  }
  return best ?? items[items.indexOf(from) + across + down];
}

// How far one box is behind another, below zero where it is before it; 0 where they overlap.
function gapOf(here, there, start, end) {
  if (there[start] >= here[end] - 1) return Math.max(1, there[start] - here[end]);
  if (there[end] <= here[start] + 1) return Math.min(-1, there[end] - here[start]);
  return 0;
}

function parsePicture(source) {
  const parsed = new DOMParser().parseFromString(source, "image/svg+xml");
  const picture = parsed.documentElement;
  if (parsed.querySelector("parsererror") || picture.localName !== "svg") return null;
  return document.importNode(picture, true);
}

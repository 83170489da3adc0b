// Pictures that the kernel draws: the timeline and the graph. They are parsed as XML, and a click on what belongs
// to a job shows its card.

class Picture {
  constructor(view, name) {
    this.view = view;
    this.name = name;
    this.element = make("div", "xpm-picture");
    this.element.tabIndex = 0;
    this.element.setAttribute("role", "region");
    this.element.setAttribute("aria-label", VIEW_NAMES[name] ?? name);
    this.element.addEventListener("click", (event) => {
      const key = event.target.closest?.("[data-key]")?.dataset.key;
      if (key) view.table.reveal(key);
    });
    this.draw();
  }

  draw() {
    const source = this.view.store.drawings[this.name] ?? "";
    if (source === this.source) return;
    this.source = source;
    const picture = source && parsePicture(source);
    if (picture) this.element.replaceChildren(picture);
    else if (!this.element.querySelector("svg")) {
      const words = source ? "The picture cannot be shown." : "Asking the kernel for the picture …";
      this.element.replaceChildren(make("p", "xpm-empty", words));
    }
  }
}

function parsePicture(source) {
  const parsed = new DOMParser().parseFromString(source, "image/svg+xml");
  const picture = parsed.documentElement;
  if (parsed.querySelector("parsererror") || picture.localName !== "svg") return null;
  return document.importNode(picture, true);
}

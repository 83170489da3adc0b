// Draws only the lines that are in view. Lines stand in the flow one below the other, with a margin where
// some are left out; a row has one height, and what is open below it is measured.

const LINE_HEIGHT = 32;
const OVERSCAN = 320;
const CARD_GUESS = 420;

class LineWindow {
  // `makeLine(name, line)` returns an object with `element` and `free()`; `isOpen(line)` tells of open cards;
  // `moved(element)` is called for an element that came to another place.
  constructor(pane, body, { makeLine, isOpen, moved }) {
    this.pane = pane;
    this.body = body;
    this.makeLine = makeLine;
    this.isOpen = isOpen;
    this.moved = moved;
    this.lines = [];
    this.places = null;
    this.seen = true;
    this.tops = new Float64Array(1);
    this.drawn = new Map();
    this.cardHeights = new Map();
    pane.addEventListener("scroll", () => this.request(), { passive: true });
    this.sizes = new ResizeObserver((entries) => this.measured(entries));
  }

  wake() {
    this.sizes.observe(this.pane);
    for (const view of this.drawn.values()) if (view.card) this.sizes.observe(view.card);
  }

  sleep() {
    this.sizes.disconnect();
    cancelAnimationFrame(this.frame);
    this.frame = 0;
  }

  request() {
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      this.draw();
    });
  }

  // The line at the top of the pane stays there when lines above it come, go or change their height.
  setLines(lines, keepPlace) {
    const anchor = keepPlace ? this.anchor() : null;
    this.lines = lines;
    this.places = null;
    this.layOut();
    this.draw(anchor);
  }

  changeHeights() {
    const anchor = this.anchor();
    this.layOut();
    this.draw(anchor);
  }

  layOut() {
    const tops = new Float64Array(this.lines.length + 1);
    for (let place = 0; place < this.lines.length; place += 1) {
      tops[place + 1] = tops[place] + LINE_HEIGHT + this.cardHeight(this.lines[place]);
    }
    this.tops = tops;
  }

  cardHeight(line) {
    return this.isOpen(line) ? this.cardHeights.get(line) ?? CARD_GUESS : 0;
  }

  measured(entries) {
    let changed = false;
    for (const { target } of entries) {
      // It was hidden, with all that scrolls in it.
      if (target === this.pane && !this.seen && target.clientHeight) this.moved(target);
      if (target === this.pane) this.seen = target.clientHeight > 0;
      const key = target.dataset.card;
      const height = target.offsetHeight;
      if (!key || !height || this.cardHeights.get(key) === height) continue;
      this.cardHeights.set(key, height);
      changed = true;
    }
    if (changed) this.changeHeights();
    else this.request();
  }

  anchor() {
    const top = this.pane.scrollTop;
    if (top <= 0 || !this.lines.length) return null;
    const place = this.placeAt(top);
    return { name: lineName(this.lines[place]), offset: this.tops[place] - top };
  }

  placeAt(top) {
    let low = 0;
    let high = this.lines.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.tops[middle] <= top) low = middle;
      else high = middle - 1;
    }
    return Math.max(0, low);
  }

  placeOf(name) {
    this.places ??= new Map(this.lines.map((line, place) => [lineName(line), place]));
    return this.places.get(name);
  }

  // The line that has the focus stays, also when it is scrolled away.
  wanted() {
    if (!this.lines.length) return [];
    const top = this.pane.scrollTop;
    const height = this.pane.clientHeight || 640;
    const first = this.placeAt(top - OVERSCAN);
    const last = this.placeAt(top + height + OVERSCAN);
    const places = [];
    for (let place = first; place <= last; place += 1) places.push(place);
    const held = this.placeOf(this.focused()?.dataset.line);
    if (held < first) places.unshift(held);
    else if (held > last) places.push(held);
    return places;
  }

  focused() {
    return this.body.contains(document.activeElement) ? document.activeElement.closest("[data-line]") : null;
  }

  draw(anchor = null) {
    if (anchor) this.scrollToAnchor(anchor);
    const places = this.wanted();
    const names = new Set(places.map((place) => lineName(this.lines[place])));
    for (const [name, view] of this.drawn) if (!names.has(name)) this.drop(name, view);
    const elements = [];
    let bottom = 0;
    for (const place of places) {
      const { element } = this.line(place);
      const gap = `${this.tops[place] - bottom}px`;
      if (element.style.marginTop !== gap) element.style.marginTop = gap;
      bottom = this.tops[place + 1];
      elements.push(element);
    }
    this.arrange(elements);
    const rest = `${this.tops[this.lines.length] - bottom}px`;
    if (this.body.style.paddingBottom !== rest) this.body.style.paddingBottom = rest;
    if (anchor) this.scrollToAnchor(anchor);
  }

  scrollToAnchor(anchor) {
    const place = this.placeOf(anchor.name);
    if (place === undefined) return;
    const top = this.tops[place] - anchor.offset;
    if (Math.abs(this.pane.scrollTop - top) >= 1) this.pane.scrollTop = top;
  }

  line(place) {
    const line = this.lines[place];
    const name = lineName(line);
    let view = this.drawn.get(name);
    if (!view) {
      view = this.makeLine(name, line);
      view.element.dataset.line = name;
      this.drawn.set(name, view);
    }
    view.place(place, line);
    return view;
  }

  // In the order of the lines, also for the Tab key; the one with the focus is not moved, so that it keeps it.
  arrange(elements) {
    const held = this.focused();
    const { moved } = this;
    let next = this.body.firstChild;
    for (const element of elements) {
      if (element === next) {
        next = next.nextSibling;
        continue;
      }
      if (element !== held) {
        this.body.insertBefore(element, next);
        moved(element);
        continue;
      }
      while (next !== held) {
        const other = next;
        next = next.nextSibling;
        this.body.append(other);
        moved(other);
      }
      next = held.nextSibling;
    }
  }

  drop(name, view) {
    this.drawn.delete(name);
    if (view.card) this.sizes.unobserve(view.card);
    view.element.remove();
    view.free();
  }

  show(name) {
    const place = this.placeOf(name);
    if (place === undefined) return;
    const top = this.tops[place];
    const { scrollTop, clientHeight } = this.pane;
    const seen = clientHeight - 2 * LINE_HEIGHT;
    const height = Math.min(this.tops[place + 1] - top, seen);
    if (top < scrollTop || top + height > scrollTop + seen) this.pane.scrollTop = Math.max(0, top - 8);
    this.draw();
  }
}

// The pane of a job's log: two streams as tabs, following the end as long as one is at the end.

const STREAMS = [["out", "Output"], ["err", "Errors"]];
let logCount = 0;

class LogPane {
  constructor(store, key) {
    this.store = store;
    this.key = key;
    this.stream = "out";
    this.chosen = false;
    this.following = true;
    this.top = 0;
    this.nodes = [];
    this.id = `xpm-log-${logCount += 1}`;
    this.build();
    this.draw();
  }

  build() {
    this.element = make("section", "xpm-log", "", { "aria-label": "Log" });
    const bar = add(this.element, "div", "xpm-log-bar");
    const tabs = add(bar, "div", "xpm-tabs", "", { role: "tablist", "aria-label": "Log" });
    this.tabs = {};
    for (const [stream, title] of STREAMS) tabs.append(this.makeTab(stream, title));
    tabs.addEventListener("keydown", (event) => this.pressed(event));
    this.tall = makeButton("xpm-button xpm-quiet", "Taller", () => this.stretch());
    this.copy = makeButton("xpm-button xpm-quiet", "Copy", () => this.copyAll());
    this.copy.dataset.text = "Copy";
    bar.append(this.tall, this.copy);
    this.frame = add(this.element, "div", "xpm-log-frame");
    this.pane = add(this.frame, "pre", "xpm-log-pane");
    this.pane.id = this.id;
    this.pane.tabIndex = 0;
    this.pane.setAttribute("role", "tabpanel");
    this.pane.addEventListener("scroll", () => this.scrolled(), { passive: true });
    this.dropped = add(this.pane, "span", "xpm-aside");
    this.partial = this.pane.appendChild(document.createTextNode(""));
    this.hint = add(this.pane, "span", "xpm-aside");
    this.follow = this.frame.appendChild(makeButton("xpm-button xpm-follow", "Follow the end ↓", () => {
      this.following = true;
      this.pane.focus({ preventScroll: true });
      this.toEnd();
    }));
    this.follow.hidden = true;
  }

  makeTab(stream, title) {
    const tab = makeButton("xpm-tab", title, () => this.choose(stream, true));
    tab.id = `${this.id}-${stream}`;
    tab.setAttribute("role", "tab");
    tab.setAttribute("aria-controls", this.id);
    this.tabs[stream] = tab;
    return tab;
  }

  pressed(event) {
    if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
    event.preventDefault();
    this.choose(this.stream === "out" ? "err" : "out", true);
    this.tabs[this.stream].focus({ preventScroll: true });
  }

  choose(stream, byPerson) {
    this.chosen ||= byPerson;
    if (stream === this.stream) return;
    this.stream = stream;
    this.following = true;
    this.draw();
  }

  draw() {
    const [out, err] = STREAMS.map(([stream]) => this.store.log(this.key, stream));
    // Who only wrote errors has nothing to show in the other tab.
    if (!this.chosen && this.stream === "out" && out.empty && !err.empty) this.stream = "err";
    for (const [stream, title] of STREAMS) {
      const tab = this.tabs[stream];
      const on = stream === this.stream;
      const marked = !on && !this.store.log(this.key, stream).empty;
      setAttribute(tab, "aria-selected", on);
      tab.tabIndex = on ? 0 : -1;
      tab.classList.toggle("xpm-marked", marked);
      setAttribute(tab, "aria-label", marked ? `${title}, has text` : title);
    }
    setAttribute(this.pane, "aria-labelledby", this.tabs[this.stream].id);
    this.drawText(this.stream === "out" ? out : err);
    this.toEnd();
  }

  // Only what is new is appended: a selection in the older text stays.
  drawText(log) {
    if (this.drawn !== log.pieces) {
      for (const { node } of this.nodes) node.remove();
      this.nodes = [];
      this.drawn = log.pieces;
    }
    while (this.nodes.length && this.nodes[0].piece !== log.pieces[0]) this.nodes.shift().node.remove();
    for (let place = Math.max(0, this.nodes.length - 1); place < log.pieces.length; place += 1) {
      const piece = log.pieces[place];
      const { node } = this.nodes[place] ?? this.addPiece(piece);
      if (!piece.note && node.length < piece.text.length) node.appendData(piece.text.slice(node.length));
    }
    setText(this.dropped, log.dropped ? "… older lines are in the file …\n" : "");
    if (this.partial.data !== log.partial) this.partial.data = log.partial;
    setText(this.hint, log.empty ? this.emptyWords() : "");
    this.copy.disabled = log.empty;
  }

  addPiece(piece) {
    const node = piece.note ? make("span", "xpm-aside", piece.text) : document.createTextNode(piece.text);
    this.pane.insertBefore(node, this.partial);
    this.nodes.push({ piece, node });
    return { node };
  }

  emptyWords() {
    if (!this.store.cards.has(this.key)) {
      return this.store.lost ? "Not loaded before the kernel was lost." : "Asking the kernel …";
    }
    return this.stream === "out" ? "No output yet." : "No errors yet.";
  }

  scrolled() {
    const { scrollTop, clientHeight, scrollHeight } = this.pane;
    // Only who scrolls up stops following: a pane that was hidden and comes back may be anywhere.
    if (scrollTop + clientHeight >= scrollHeight - 8) this.following = true;
    else if (scrollTop < this.top) this.following = false;
    this.top = scrollTop;
    this.follow.hidden = this.following;
  }

  toEnd() {
    if (!this.following) return;
    this.pane.scrollTop = this.pane.scrollHeight;
    this.top = this.pane.scrollTop;
    this.follow.hidden = true;
  }

  stretch() {
    const tall = this.element.classList.toggle("xpm-tall");
    setText(this.tall, tall ? "Shorter" : "Taller");
    this.pane.style.height = "";
    this.toEnd();
  }

  copyAll() {
    copyFrom(this.copy, this.copy, this.store.log(this.key, this.stream).text, this.pane);
  }
}

// The table of jobs: headings that sort, the lines in view, open cards.

const TITLES = {
  state: "State", task: "Task", tags: "Tags", progress: "Progress", metrics: "Metrics", time: "Time", left: "Left",
};

// How long the log that was asked for is kept in view; a hand at wheel or keys ends it.
const BRING_MS = 2000;
// So few rows leave room for their cards: the table is as high as it needs, and the page scrolls.
const FEW_LINES = 12;

class JobTable {
  constructor(view) {
    this.view = view;
    this.store = view.store;
    this.state = view.state;
    this.cards = new Map();
    this.element = make("div", "xpm-scroll");
    this.table = add(this.element, "div", "xpm-grid", "", { role: "table", "aria-label": "Jobs" });
    this.table.append(this.makeHeadings());
    this.body = add(this.table, "div", "xpm-body", "", { role: "rowgroup" });
    this.empty = add(this.element, "div", "xpm-empty");
    this.widths = new Widths(view.root);
    this.window = new LineWindow(this.element, this.body, {
      makeLine: (name, line) => (typeof line === "string" ? new RowLine(this, line) : new GroupLine(this, line)),
      isOpen: (line) => typeof line === "string" && this.state.open.has(line),
      moved: (element) => this.moved(element),
    });
    this.body.addEventListener("click", (event) => this.clicked(event));
    this.body.addEventListener("keydown", (event) => this.pressed(event));
  }

  makeHeadings() {
    const group = make("div", "xpm-headings", "", { role: "rowgroup" });
    const heads = add(group, "div", "xpm-row", "", { role: "row", "aria-rowindex": 1 });
    this.heads = {};
    for (const column of ["open", ...COLUMNS]) {
      const head = add(heads, "div", `xpm-cell xpm-${column}`, "", { role: "columnheader" });
      const title = TITLES[column];
      if (title) {
        head.append(makeButton("xpm-sort", title, () => this.sort(column)));
        this.heads[column] = head;
      } else head.append(make("span", "xpm-unseen", column === "open" ? "Details" : "Actions"));
    }
    return group;
  }

  wake() {
    for (const row of this.store.rows) this.widths.see(row);
    this.widths.apply();
    this.window.wake();
  }

  see(keys) {
    for (const key of keys) this.widths.see(this.store.row(key));
    this.widths.apply();
  }

  // Lines ---------------------------------------------------------------------------------------

  // `byPerson`: a new filter or order starts at the top.
  arrange(byPerson) {
    const lines = linesOf(this.store, this.state);
    this.lines = lines;
    this.element.classList.toggle("xpm-few", lines.length <= FEW_LINES);
    if (byPerson) this.element.scrollTop = 0;
    // In a live order, rows may pass each other: then the place in the list is what stays.
    this.window.setLines(lines, !byPerson && (!this.state.sort || this.window.focused() !== null));
    setAttribute(this.table, "aria-rowcount", lines.length + 1);
    this.empty.hidden = lines.length > 0;
    setText(this.empty, this.store.keys.length ? "No job matches the filter." : "No jobs yet.");
    this.drawHeadings();
  }

  get ordered() {
    return Boolean(this.state.sort) || this.state.group !== null || isFiltered(this.state);
  }

  shownCount() {
    let number = 0;
    for (const line of this.lines) number += typeof line === "string" ? 1 : line.folded ? line.size : 0;
    return number;
  }

  draw(keys) {
    for (const key of keys) this.window.drawn.get(key)?.draw();
  }

  drawCards(keys) {
    for (const key of keys) this.cards.get(key)?.draw();
    this.bringLog();
  }

  drawLogs(keys) {
    for (const key of keys) this.cards.get(key)?.log.draw();
  }

  tick() {
    const now = this.store.now();
    for (const line of this.window.drawn.values()) if (line.row && !line.row.final) line.tick(now);
  }

  // Order ---------------------------------------------------------------------------------------

  sort(column) {
    const { sort } = this.state;
    if (sort?.column !== column) this.state.sort = { column, down: false };
    else this.state.sort = sort.down ? null : { column, down: true };
    this.view.rearrange();
  }

  drawHeadings() {
    const { sort } = this.state;
    for (const [column, head] of Object.entries(this.heads)) {
      const on = sort?.column === column;
      setAttribute(head, "aria-sort", on ? (sort.down ? "descending" : "ascending") : "none");
    }
  }

  fold(name) {
    if (!this.state.folded.delete(name)) this.state.folded.add(name);
    this.arrange(false);
  }

  // Cards ---------------------------------------------------------------------------------------

  isOpen(key) {
    return this.state.open.has(key);
  }

  cardOf(key) {
    if (!this.cards.has(key)) this.cards.set(key, new Card(this, key));
    return this.cards.get(key);
  }

  open(key) {
    if (this.state.open.has(key)) return;
    this.state.open.add(key);
    this.window.changeHeights();
    this.view.look();
  }

  close(key) {
    const line = this.window.drawn.get(key);
    const inside = line?.card?.contains(document.activeElement);
    this.state.open.delete(key);
    if (inside) line.toggle.focus({ preventScroll: true });
    this.window.changeHeights();
    this.cards.delete(key);
    this.view.look();
  }

  toggle(key) {
    if (this.isOpen(key)) this.close(key);
    else this.open(key);
  }

  showLog(key) {
    this.open(key);
    this.brought = { key, until: Date.now() + BRING_MS };
    const end = () => { this.brought = null; };
    for (const name of ["wheel", "pointerdown", "keydown"]) {
      addEventListener(name, end, { capture: true, once: true, passive: true });
    }
    this.bringLog();
    this.cardOf(key).log.pane.focus({ preventScroll: true });
  }

  // The rest of a card comes later than its log's place: brings the log into view again.
  bringLog() {
    if (!this.brought || Date.now() > this.brought.until) return;
    const log = this.cards.get(this.brought.key)?.log.element;
    if (!log?.isConnected) return;
    // As little as needed, in the table and on the page.
    log.scrollIntoView({ block: "nearest" });
  }

  // Shows a job's row and card wherever they are.
  reveal(key) {
    if (!this.store.places.has(key)) return;
    const { state } = this;
    this.view.choose("jobs");
    if (!this.lines.includes(key)) {
      state.tones.clear();
      state.text = "";
      if (state.group !== null) state.folded.delete(`${state.group}=${tagValue(this.store.row(key), state.group) ?? ""}`);
      this.view.rearrange();
    }
    this.open(key);
    this.window.show(key);
    const line = this.window.drawn.get(key);
    line?.toggle.focus({ preventScroll: true });
    line?.element.scrollIntoView({ block: "nearest" });
  }

  // By hand -------------------------------------------------------------------------------------

  // A click anywhere on a row opens it, unless it is the end of a selection.
  clicked(event) {
    const row = event.target.closest(".xpm-row");
    if (!row || event.target.closest("button, .xpm-ask") || !getSelection().isCollapsed) return;
    const line = this.window.drawn.get(row.parentElement.dataset.line);
    line?.toggle.click();
  }

  // Arrows go from row to row; Escape closes the card that has the focus, unless a question took it.
  pressed(event) {
    const card = event.target.closest("[data-card]");
    if (card && event.key === "Escape" && !event.defaultPrevented) {
      event.preventDefault();
      this.close(card.dataset.card);
      return;
    }
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step || !event.target.classList.contains("xpm-toggle")) return;
    event.preventDefault();
    const place = this.window.placeOf(event.target.closest("[data-line]").dataset.line) + step;
    const line = this.lines[place];
    if (line === undefined) return;
    this.window.show(lineName(line));
    this.window.drawn.get(lineName(line))?.toggle.focus({ preventScroll: true });
  }

  // What was moved scrolls to where it was; a log that follows, to its end.
  moved(element) {
    this.view.keeper.restoreScrolls(element);
    for (const card of this.cards.values()) if (element.contains(card.element)) card.log.toEnd();
  }

  sleep() {
    this.window.sleep();
  }
}

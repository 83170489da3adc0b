// One view of a panel: head, toolbar, table and pictures. It draws once a frame what changed, and holds what the
// person chose. It sleeps while it is nowhere on the page.

const ANNOUNCE_MS = 10_000;

function newState() {
  return { open: new Set(), tones: new Set(), folded: new Set(), text: "", sort: null, group: null, view: "jobs" };
}

class PanelView {
  constructor(store, state = newState()) {
    this.store = store;
    this.state = state;
    this.id = Math.random().toString(36).slice(2);
    this.awake = false;
    this.news = emptyNews();
    this.build();
  }

  build() {
    this.root = make("div", "xpm-panel xpm-live xpm-no-tags xpm-no-progress xpm-no-metrics xpm-no-left");
    // Keys pressed in here are no shortcuts of the notebook.
    this.root.dataset.lmSuppressShortcuts = "true";
    this.root.addEventListener("keydown", (event) => event.stopPropagation());
    this.head = new Head(this);
    this.table = new JobTable(this);
    this.toolbar = new Toolbar(this);
    this.pictures = {};
    this.status = make("div", "xpm-unseen", "", { role: "status" });
    this.foot = make("p", "xpm-note");
    this.root.append(this.head.element, this.toolbar.element, this.table.element, this.foot, this.status);
    this.keeper = new PlaceKeeper(this.root);
  }

  wake() {
    if (this.awake) return;
    this.awake = true;
    this.store.join(this);
    this.keeper.wake();
    this.table.wake();
    this.drawAll();
    this.look(true);
  }

  sleep() {
    if (!this.awake) return;
    this.awake = false;
    this.store.leave(this);
    this.keeper.sleep();
    this.table.sleep();
    cancelAnimationFrame(this.frame);
    clearTimeout(this.looking);
    clearTimeout(this.announcing);
    this.frame = this.looking = this.announcing = 0;
    this.store.look(this.id, [], []);
  }

  // What changed ------------------------------------------------------------------------------

  hear(news) {
    const { keys, cards, logs } = this.news;
    for (const key of news.keys ?? []) keys.add(key);
    for (const key of news.cards ?? []) cards.add(key);
    for (const key of news.logs ?? []) logs.add(key);
    this.news.drawings ||= Boolean(news.drawings);
    this.news.state ||= Boolean(news.state);
    if (!keys.size && !cards.size && !logs.size && !news.drawings && !news.state) return;
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      this.draw();
    });
  }

  draw() {
    const { keys, cards, logs, drawings, state } = this.news;
    this.news = emptyNews();
    if (keys.size) {
      this.table.see(keys);
      if (this.table.ordered || this.store.keys.length !== this.known) this.table.arrange(false);
      this.known = this.store.keys.length;
      this.table.draw(keys);
    }
    // A card shows the progress of its row; the words of an empty log tell whether the kernel is there.
    this.table.drawCards(new Set([...cards, ...keys]));
    this.table.drawLogs(logs);
    if (drawings) for (const picture of Object.values(this.pictures)) picture.draw();
    if (keys.size || state) this.drawFrame();
  }

  drawAll() {
    this.news = emptyNews();
    this.table.arrange(false);
    this.known = this.store.keys.length;
    this.table.draw(this.table.window.drawn.keys());
    this.table.drawCards(this.table.cards.keys());
    for (const picture of Object.values(this.pictures)) picture.draw();
    this.drawFrame();
  }

  drawFrame() {
    this.head.draw();
    this.toolbar.draw();
    const note = this.store.model.get("note");
    const text = this.store.busy ? BUSY : note ?? "";
    setText(this.foot, text);
    this.foot.hidden = !text;
    this.root.classList.toggle("xpm-is-lost", Boolean(this.store.lost));
    this.announce();
  }

  // A screen reader hears what came of an action at once, and the counts now and then.
  announce() {
    const { said, lost, busy } = this.store;
    const words = lost ? `${lost}.` : busy ? BUSY : said?.text;
    if (words) setText(this.status, words);
    else {
      this.announcing ||= setTimeout(() => {
        this.announcing = 0;
        setText(this.status, this.store.tally.line());
      }, ANNOUNCE_MS);
    }
  }

  tick() {
    if (document.hidden) return;
    this.table.tick();
    this.head.tick();
  }

  // What the person chose ------------------------------------------------------------------------

  rearrange() {
    this.table.arrange(true);
    this.toolbar.draw();
  }

  choose(name) {
    if (name === this.state.view) return;
    this.state.view = name;
    this.showView();
    this.toolbar.draw();
    this.look();
  }

  showView() {
    const { view } = this.state;
    this.table.element.hidden = view !== "jobs";
    if (view !== "jobs" && !this.pictures[view]) {
      this.pictures[view] = new Picture(this, view);
      this.foot.before(this.pictures[view].element);
    }
    for (const [name, picture] of Object.entries(this.pictures)) picture.element.hidden = name !== view;
    if (view === "jobs") this.table.window.draw();
  }

  // Tells the kernel what is open here, once for several changes.
  look(anyway = false) {
    clearTimeout(this.looking);
    this.looking = setTimeout(() => {
      if (!this.awake) return;
      const { view, open } = this.state;
      const looked = JSON.stringify([[...open], view]);
      if (looked === this.looked && !anyway) return;
      this.looked = looked;
      this.store.look(this.id, [...open], view === "jobs" ? [] : [view]);
    }, 40);
  }

  moved() {
    this.keeper.restore();
    this.table.moved(this.root);
    this.table.window.request();
  }
}

function emptyNews() {
  return { keys: new Set(), cards: new Set(), logs: new Set(), drawings: false, state: false };
}

// What the page knows of one model, once for all its views: rows, cards, logs, pictures, and whether the
// kernel is there. Messages change it; it tells its views what changed.

// The kernel shows a sign of life every 5 s while jobs are unfinished.
const SILENCE_MS = 15_000;
const BUSY_MS = 2000;
const TICK_MS = 1000;
const SAID_MS = 8000;
const BUSY = "The kernel is busy: it will see this when the cell ends. "
  + "(ipykernel 7.1 or newer and JupyterLab 4.4 or newer see clicks at once.)";

class Store {
  constructor(rows) {
    this.rows = rows;
    this.keys = [];
    this.places = new Map();
    this.tally = new Tally();
    this.running = new Set();
    this.cards = new Map();
    this.logs = new Map();
    this.drawings = {};
    this.views = new Set();
    this.pending = new Map();
    this.expected = [];
    this.prospect = null;
    this.turn = 0;
    this.said = null;
    this.lost = "";
    this.closed = false;
    this.timer = 0;
    for (const [place, row] of rows.entries()) this.enter(row, place);
  }

  // A front end that connects again may make another model of the same panel: views go on with that one.
  attach(model) {
    this.detach?.();
    this.model = model;
    this.lost = "";
    this.closed = false;
    this.heard = Date.now();
    this.clock = model.get("now") - Date.now() / 1000;
    const receive = (message) => this.receive(message);
    const lose = () => this.lose("The kernel has stopped");
    const close = () => {
      this.closed = true;
      lose();
      this.release();
    };
    model.on("msg:custom", receive);
    // The front end's word for a restarted kernel, and for a closed widget.
    model.on("comm_live_update", lose);
    model.on("comm:close", close);
    this.detach = () => {
      model.off("msg:custom", receive);
      model.off("comm_live_update", lose);
      model.off("comm:close", close);
    };
    const rows = model.get("rows");
    if (rows !== this.rows) this.tell({ keys: this.take(rows), state: true });
    // What came before this listener was in place is lost: ask for it.
    this.send({ action: "sync" });
    for (const view of this.views) view.look(true);
  }

  enter(row, place) {
    this.places.set(row.key, place);
    this.keys.push(row.key);
    this.count(row);
  }

  count(row) {
    this.tally.count(row, 1);
    if (!row.final && row.started_at !== null) this.running.add(row.key);
    else this.running.delete(row.key);
  }

  row(key) {
    return this.rows[this.places.get(key)];
  }

  take(rows) {
    const keys = new Set();
    for (const row of rows) {
      keys.add(row.key);
      const place = this.places.get(row.key);
      if (place === undefined) {
        this.rows.push(row);
        this.enter(row, this.rows.length - 1);
      } else {
        this.tally.count(this.rows[place], -1);
        // In place: the model keeps this list.
        this.rows[place] = row;
        this.count(row);
      }
      this.pending.delete(row.key);
    }
    return keys;
  }

  receive(message) {
    this.heard = Date.now();
    const state = Boolean(this.lost);
    this.lost = "";
    if (message.now) this.clock = message.now - Date.now() / 1000;
    const keys = this.take(message.changed ?? []);
    const cards = Object.entries(message.cards ?? {});
    for (const [key, card] of cards) this.cards.set(key, card);
    const logs = new Set();
    for (const news of message.logs ?? []) {
      this.log(news.key, news.stream).take(news);
      logs.add(news.key);
    }
    if (message.drawings) this.drawings = { ...this.drawings, ...message.drawings };
    const said = message.said ?? [];
    if (said.length) this.hearSaid(said);
    const answered = this.answer(keys, cards.map(([key]) => key), said.length > 0);
    this.keepTime();
    this.tell({
      keys, logs, cards: new Set(cards.map(([key]) => key)),
      drawings: Boolean(message.drawings), state: state || answered || said.length > 0,
    });
  }

  hearSaid(said) {
    this.said = { text: said.map((one) => one.text).join(" "), tone: said.at(-1).tone };
    clearTimeout(this.saidTimer);
    this.saidTimer = setTimeout(() => {
      this.said = null;
      this.tell({ state: true });
    }, SAID_MS);
    // What was said may be that nothing will change: the buttons come back.
    const asked = [...this.pending.keys()];
    setTimeout(() => {
      for (const key of asked) this.pending.delete(key);
      this.tell({ keys: new Set(asked), state: true });
    }, 1500);
  }

  log(key, stream) {
    const name = `${stream} ${key}`;
    if (!this.logs.has(name)) this.logs.set(name, new LogText());
    return this.logs.get(name);
  }

  tell(news) {
    for (const view of this.views) view.hear(news);
  }

  // Actions -----------------------------------------------------------------------------------

  send(content) {
    try {
      this.model.send(content);
    } catch {
      this.lose("The kernel has stopped");
    }
  }

  // `keys` are the jobs that the action is about; a bulk action names none to the kernel.
  act(action, keys, named) {
    if (this.lost) return;
    for (const key of keys) this.pending.set(key, action);
    this.expect("act", keys);
    this.send(named ? { action, keys } : { action });
    this.tell({ keys: new Set(keys), state: true });
  }

  expect(kind, keys) {
    this.expected.push({ kind, keys: new Set(keys), at: Date.now() });
    setTimeout(() => this.tell({ state: true }), BUSY_MS + 10);
  }

  answer(rows, cards, said) {
    const before = this.expected.length;
    this.expected = this.expected.filter((one) => {
      if (one.kind === "act") return !said && ![...rows].some((key) => one.keys.has(key));
      for (const key of cards) one.keys.delete(key);
      return one.keys.size > 0;
    });
    return before !== this.expected.length;
  }

  get busy() {
    return !this.lost && this.expected.some((one) => Date.now() - one.at >= BUSY_MS);
  }

  look(view, cards, drawings) {
    const unknown = cards.filter((key) => !this.cards.has(key));
    this.expected = this.expected.filter((one) => one.view !== view);
    if (unknown.length && !this.lost) {
      this.expect("look", unknown);
      this.expected.at(-1).view = view;
    }
    // Messages may overtake each other where the kernel has several threads for them.
    this.turn += 1;
    this.send({ action: "look", view, cards, drawings, turn: this.turn });
  }

  stoppable() {
    return this.keys.filter((key) => isStoppable(this.row(key)));
  }

  retryable() {
    return this.keys.filter((key) => isFailedAgain(this.row(key)));
  }

  // Time and loss -----------------------------------------------------------------------------

  now() {
    // With the kernel lost, clocks stand still.
    return (this.lost ? this.lostAt : Date.now()) / 1000 + this.clock;
  }

  remaining() {
    const now = this.now();
    const left = this.tally.remaining([...this.running].map((key) => this.row(key)), now);
    this.prospect = steadied(this.prospect, left, this.tally.total, now);
    return this.prospect && this.prospect.end - now;
  }

  keepTime() {
    const goes = this.views.size && this.tally.final < this.tally.total && !this.lost;
    if (goes && !this.timer) this.timer = setInterval(() => this.tick(), TICK_MS);
    else if (!goes) {
      clearInterval(this.timer);
      this.timer = 0;
    }
  }

  tick() {
    if (Date.now() - this.heard > SILENCE_MS) this.lose("The kernel does not answer");
    else for (const view of this.views) view.tick();
  }

  // Everything stays as it was, and promises nothing.
  lose(words) {
    if (!this.lost) this.lostAt = Date.now();
    this.lost = words;
    this.said = null;
    this.expected = [];
    this.keepTime();
    this.tell({ keys: new Set(this.keys), state: true });
  }

  join(view) {
    this.views.add(view);
    this.keepTime();
  }

  leave(view) {
    this.views.delete(view);
    this.keepTime();
    this.release();
  }

  // The model is gone, and nobody looks any more.
  release() {
    if (this.closed && !this.views.size && !this.mounts?.spare.length) this.forget();
  }
}

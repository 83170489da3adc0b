// The live table of a status panel. The kernel sends rows ready to show; this file only draws them:
// text goes through textContent, never through markup. Nothing is loaded from anywhere.

const TONES = ["done", "running", "failed", "cancelled", "waiting"];
const COLUMNS = ["state", "task", "tags", "progress", "metrics", "time", "act"];
const OPTIONAL = ["tags", "progress", "metrics"];
// Rows drawn before the page gets a breath: about 10 ms.
const ROWS_PER_FRAME = 300;
const TICK_MS = 1000;
// The kernel shows a sign of life every 5 s while jobs are unfinished.
const SILENCE_MS = 15000;

function make(tag, className, text) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
}

// As format_duration in html.py.
export function formatDuration(seconds) {
  seconds = Math.max(0, seconds);
  if (Math.round(seconds * 10) / 10 < 10) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  const two = (number) => String(number).padStart(2, "0");
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${two(whole % 60)} s`;
  if (whole < 86400) return `${Math.floor(whole / 3600)} h ${two(Math.floor((whole % 3600) / 60))} min`;
  return `${Math.floor(whole / 86400)} d ${two(Math.floor((whole % 86400) / 3600))} h`;
}

// Models whose missed messages were asked for already, with the kernel's clock minus ours.
const clocks = new WeakMap();

function initialize({ model }) {
  const rows = model.get("rows");
  const places = new Map(rows.map((row, place) => [row.key, place]));
  clocks.set(rows, model.get("now") - Date.now() / 1000);
  // Changed in place, so that a view which is made later starts with what is true then.
  model.on("msg:custom", (message) => {
    for (const row of message.changed ?? []) {
      if (!places.has(row.key)) places.set(row.key, rows.length);
      rows[places.get(row.key)] = row;
    }
    if (message.now) clocks.set(rows, message.now - Date.now() / 1000);
  });
  // What came before this listener was in place is lost: ask for it.
  model.send({ action: "sync" });
}

class RowView {
  constructor(row) {
    this.element = make("tr");
    this.cells = {};
    for (const column of COLUMNS) {
      this.cells[column] = this.element.appendChild(make("td", `xpm-${column}`));
    }
    const dot = make("span", "xpm-dot");
    dot.setAttribute("aria-hidden", "true");
    this.word = document.createTextNode("");
    this.retries = make("span", "xpm-retries");
    this.cells.state.append(dot, this.word, this.retries);
    this.name = this.cells.task.appendChild(make("span"));
    this.tags = this.cells.tags.appendChild(make("span", "xpm-list"));
    this.metrics = this.cells.metrics.appendChild(make("span", "xpm-list"));
    this.draw(row);
  }

  draw(row) {
    const before = this.row ?? {};
    this.row = row;
    this.element.className = `xpm-row xpm-is-${row.tone}`;
    if (row.word !== before.word) this.word.data = row.word;
    if (row.retries !== before.retries) this.retries.textContent = row.retries;
    if (row.name !== before.name) this.name.textContent = row.name;
    if (row.path !== before.path) this.name.title = row.path;
    if (differ(row.tags, before.tags)) this.tags.replaceChildren(...row.tags.map(tagChip));
    if (differ(row.metrics, before.metrics)) this.metrics.replaceChildren(...row.metrics.map(metricItem));
    this.drawProgress(row, before);
    this.drawButton(row, before);
  }

  drawProgress(row, before) {
    if (row.message) {
      if (row.message === before.message) return;
      const text = make("span", "xpm-message", row.message);
      text.title = row.message;
      this.cells.progress.replaceChildren(text);
      this.bar = null;
      return;
    }
    if (!row.progress.length) {
      this.cells.progress.replaceChildren();
      this.bar = null;
      return;
    }
    if (!this.bar) this.makeBar();
    const value = row.progress[0][0];
    const known = value !== null;
    this.bar.hidden = this.percent.hidden = !known;
    if (known) {
      const percent = Math.floor(100 * value);
      this.bar.firstChild.style.width = `${100 * value}%`;
      this.bar.setAttribute("aria-valuenow", percent);
      this.percent.textContent = `${percent} %`;
    }
    const words = row.progress.map((level) => level[1]).filter(Boolean).join(" › ");
    if (this.text.textContent !== words) this.text.textContent = this.text.title = words;
  }

  makeBar() {
    const steps = make("span", "xpm-steps");
    this.bar = steps.appendChild(make("span", "xpm-bar"));
    this.bar.setAttribute("role", "progressbar");
    this.bar.setAttribute("aria-label", `progress of ${this.row.name}`);
    this.bar.setAttribute("aria-valuemin", 0);
    this.bar.setAttribute("aria-valuemax", 100);
    this.bar.append(make("span"));
    this.percent = steps.appendChild(make("span", "xpm-percent"));
    this.text = steps.appendChild(make("span", "xpm-text"));
    this.cells.progress.replaceChildren(steps);
  }

  drawButton(row, before) {
    if (row.final) {
      if (!before.final) this.cells.act.replaceChildren();
      this.button = null;
      return;
    }
    if (!this.button) {
      this.button = make("button", "xpm-button", "Stop");
      this.button.type = "button";
      this.cells.act.replaceChildren(this.button);
    }
    this.button.disabled = row.stopping;
    const tags = row.tags.map((tag) => tag.join("=")).join(", ");
    this.button.setAttribute("aria-label", `Stop ${row.name} ${tags}`.trim());
  }

  drawTime(now) {
    const { started_at: start, ended_at: end, final } = this.row;
    const until = final ? end : now;
    const text = start === null || until === null ? "" : formatDuration(until - start);
    if (this.cells.time.textContent !== text) this.cells.time.textContent = text;
  }
}

function differ(pairs, before) {
  return !before || pairs.length !== before.length
    || pairs.some((pair, place) => pair[0] !== before[place][0] || pair[1] !== before[place][1]);
}

function tagChip([name, value]) {
  const chip = make("span", "xpm-tag");
  chip.append(make("span", "xpm-key", name), `=${value}`);
  return chip;
}

function metricItem([name, value]) {
  const item = make("span", "xpm-metric");
  item.append(make("span", "xpm-key", name), ` ${value}`);
  return item;
}

class TableView {
  constructor(model, el) {
    this.model = model;
    this.rows = model.get("rows");
    this.views = new Map();
    this.counts = Object.fromEntries(TONES.map((tone) => [tone, 0]));
    this.running = new Set();
    this.queue = new Map();
    this.heard = Date.now();
    this.build(el);
    this.enqueue(this.rows);
  }

  build(el) {
    this.panel = make("div", "xpm-panel");
    this.head = this.panel.appendChild(make("div", "xpm-head"));
    this.overall = this.head.appendChild(make("span", "xpm-overall"));
    this.overall.setAttribute("role", "img");
    this.parts = {};
    for (const tone of TONES) {
      this.parts[tone] = this.overall.appendChild(make("span", `xpm-part xpm-is-${tone}`));
    }
    this.line = this.head.appendChild(make("span", "xpm-line"));
    this.line.setAttribute("role", "status");
    this.gone = this.head.appendChild(make("span", "xpm-gone"));
    this.gone.hidden = true;
    const scroll = this.panel.appendChild(make("div", "xpm-scroll"));
    this.table = scroll.appendChild(make("table", "xpm-table"));
    this.table.setAttribute("aria-label", "Jobs of this cell");
    const heads = this.table.appendChild(make("thead")).appendChild(make("tr"));
    for (const column of COLUMNS) {
      const title = column === "act" ? "" : column[0].toUpperCase() + column.slice(1);
      const cell = heads.appendChild(make(title ? "th" : "td", `xpm-${column}`, title));
      if (title) cell.scope = "col";
    }
    for (const column of OPTIONAL) this.table.classList.add(`xpm-no-${column}`);
    this.body = this.table.appendChild(make("tbody"));
    this.body.addEventListener("click", (event) => this.clicked(event));
    const note = this.model.get("note");
    if (note) this.panel.append(make("p", "xpm-note", note));
    el.append(this.panel);
  }

  enqueue(rows) {
    for (const row of rows) this.queue.set(row.key, row);
    if (!this.frame) this.draw();
  }

  draw() {
    this.frame = 0;
    let left = ROWS_PER_FRAME;
    const now = this.now();
    const fresh = document.createDocumentFragment();
    for (const [key, row] of this.queue) {
      if (left-- === 0) break;
      this.queue.delete(key);
      this.drawRow(key, row, now, fresh);
    }
    this.body.append(fresh);
    this.drawHead();
    if (this.queue.size) this.frame = requestAnimationFrame(() => this.draw());
    this.keepTime();
  }

  drawRow(key, row, now, fresh) {
    let view = this.views.get(key);
    if (view) {
      this.counts[view.row.tone] -= 1;
      view.draw(row);
    } else {
      view = new RowView(row);
      this.views.set(key, view);
      view.element.dataset.key = key;
      fresh.append(view.element);
    }
    this.counts[row.tone] += 1;
    view.drawTime(now);
    if (!row.final && row.started_at !== null) this.running.add(view);
    else this.running.delete(view);
    this.showColumns(row);
  }

  showColumns(row) {
    const off = this.table.classList;
    if (row.tags.length) off.remove("xpm-no-tags");
    if (row.metrics.length) off.remove("xpm-no-metrics");
    if (row.progress.length || row.message) off.remove("xpm-no-progress");
  }

  drawHead() {
    const total = this.views.size;
    const said = TONES.filter((tone) => this.counts[tone])
      .map((tone) => `${this.counts[tone].toLocaleString("en")} ${tone}`).join(", ");
    const jobs = total === 1 ? "1 job" : `${total.toLocaleString("en")} jobs`;
    const line = said ? `${jobs}: ${said}` : jobs;
    if (this.line.textContent === line) return;
    this.line.textContent = line;
    this.overall.setAttribute("aria-label", line);
    for (const tone of TONES) this.parts[tone].style.flexGrow = this.counts[tone];
  }

  now() {
    return Date.now() / 1000 + (clocks.get(this.rows) ?? 0);
  }

  keepTime() {
    const unfinished = this.running.size || this.counts.waiting;
    if (unfinished && !this.timer && !this.lost) {
      this.timer = setInterval(() => this.tick(), TICK_MS);
    } else if (!unfinished) this.stopTime();
  }

  tick() {
    if (Date.now() - this.heard > SILENCE_MS) {
      this.lose("The kernel does not answer.");
      return;
    }
    const now = this.now();
    for (const view of this.running) view.drawTime(now);
  }

  stopTime() {
    clearInterval(this.timer);
    this.timer = 0;
  }

  clicked(event) {
    const button = event.target.closest("button");
    const key = button?.closest("tr")?.dataset.key;
    if (!key) return;
    // At once, so that nobody clicks twice; the kernel's answer then says what is true.
    button.disabled = true;
    this.model.send({ action: "stop", key });
  }

  // The kernel is gone: the table stays as it was, and promises nothing.
  lose(words) {
    this.lost = true;
    this.stopTime();
    this.gone.textContent = words;
    this.gone.hidden = false;
    for (const button of this.body.querySelectorAll("button")) button.disabled = true;
  }

  find() {
    this.lost = false;
    this.gone.hidden = true;
    for (const view of this.views.values()) view.draw(view.row);
    this.keepTime();
  }

  remove() {
    this.stopTime();
    cancelAnimationFrame(this.frame);
  }
}

function render({ model, el }) {
  const view = new TableView(model, el);
  const receive = (message) => {
    view.heard = Date.now();
    view.enqueue(message.changed ?? []);
    // Whoever sends is alive after all.
    if (view.lost) view.find();
  };
  const lose = () => view.lose("The kernel has stopped.");
  model.on("msg:custom", receive);
  // The front end's word for a restarted kernel, and for a closed widget.
  model.on("comm_live_update", lose);
  model.on("comm:close", lose);
  return () => {
    model.off("msg:custom", receive);
    model.off("comm_live_update", lose);
    model.off("comm:close", lose);
    view.remove();
  };
}

export default { initialize, render };

// One line of the table: a job as a row, with its card below when it is open; or the head of a group.

const COLUMNS = ["state", "task", "tags", "progress", "metrics", "time", "left", "act"];
const METRICS_SHOWN = 2;

class RowLine {
  constructor(table, key) {
    this.table = table;
    this.key = key;
    this.element = make("div", "xpm-line");
    this.row = {};
    this.build();
    this.draw();
  }

  build() {
    this.bar = null;
    this.head = add(this.element, "div", "xpm-row", "", { role: "row" });
    const opening = add(this.head, "div", "xpm-cell xpm-open", "", { role: "cell" });
    this.toggle = opening.appendChild(makeButton("xpm-toggle", undefined, () => this.table.toggle(this.key)));
    this.cells = {};
    for (const column of COLUMNS) {
      this.cells[column] = add(this.head, "div", `xpm-cell xpm-${column}`, "", { role: "cell" });
    }
    const dot = make("span", "xpm-dot", "", { "aria-hidden": "true" });
    this.word = make("span", "xpm-word");
    this.retries = make("span", "xpm-retries");
    this.changed = make("span", "xpm-changed", "code changed");
    this.cells.state.append(dot, this.word, this.retries, this.changed);
    this.name = add(this.cells.task, "span", "xpm-name");
    this.tags = add(this.cells.tags, "span", "xpm-fit");
    this.metrics = add(this.cells.metrics, "span", "xpm-fit");
    this.logButton = makeButton("xpm-button xpm-quiet", "Log", () => this.table.showLog(this.key));
    this.button = makeButton("xpm-button", "", () => this.pressed());
    this.cells.act.append(this.logButton, this.button);
    // Where there is no room for a column of its own, what is left stands below the time.
    this.time = add(this.cells.time, "span");
    this.below = add(this.cells.time, "span", "xpm-below");
  }

  place(place) {
    setAttribute(this.head, "aria-rowindex", place + 2);
    this.drawOpen();
  }

  drawOpen() {
    const open = this.table.isOpen(this.key);
    setAttribute(this.toggle, "aria-expanded", open);
    this.head.classList.toggle("xpm-opened", open);
    if (open && !this.card) {
      const view = this.table.cardOf(this.key);
      this.card = view.element;
      this.element.append(this.card);
      this.table.moved(this.element);
      this.table.window.sizes.observe(this.card);
    } else if (!open && this.card) {
      this.table.window.sizes.unobserve(this.card);
      this.card.remove();
      this.card = null;
    }
  }

  draw() {
    const { store } = this.table;
    const row = store.row(this.key);
    const before = this.row;
    this.row = row;
    if (row !== before) this.drawRow(row, before);
    this.drawButton(row);
    this.tick(store.now());
  }

  drawRow(row, before) {
    this.head.className = `xpm-row xpm-is-${row.tone}`;
    setText(this.word, row.word);
    setText(this.retries, row.retries);
    this.changed.hidden = !row.code_changed;
    const changed = row.code_changed && "the result was made by other code than the task has now";
    this.cells.state.title = [row.word, row.retries, changed].filter(Boolean).join(", ");
    setText(this.name, row.name);
    this.cells.task.title = `${row.name}\n${row.path}`;
    if (!same(row.tags, before.tags)) this.drawTags(row);
    if (!same(row.metrics, before.metrics) || !same(row.spark, before.spark)) this.drawMetrics(row);
    this.drawProgress(row);
    setAttribute(this.toggle, "aria-label", `Details of ${this.label()}`);
  }

  label() {
    return [this.row.name, ...this.row.tags.map((tag) => tag.join("="))].join(" ");
  }

  drawTags(row) {
    const items = row.tags.flatMap(([name, value]) => [makePair("tag", name, `=${value}`), " "]);
    this.tags.replaceChildren(...items);
    this.cells.tags.title = row.tags.map((tag) => tag.join("=")).join("\n");
  }

  drawMetrics(row) {
    const items = shownMetrics(row).flatMap(([name, value]) => [makePair("metric", name, ` ${value}`), " "]);
    if (row.spark) {
      this.spark ??= makeSpark("xpm-spark");
      drawSpark(this.spark, row.spark[1]);
      items.unshift(this.spark);
    }
    if (row.metrics.length > METRICS_SHOWN) items.push("…");
    this.metrics.replaceChildren(...items);
    this.cells.metrics.title = row.metrics.map((metric) => metric.join(" ")).join("\n");
  }

  drawProgress(row) {
    const cell = this.cells.progress;
    const kind = row.message ? "message" : row.progress.length ? "steps" : "";
    if (kind !== this.kind) {
      this.kind = kind;
      cell.replaceChildren();
      if (kind === "message") cell.append(make("span", "xpm-message"));
      if (kind === "steps") cell.append(...this.makeSteps());
    }
    if (kind === "message") {
      setText(cell.firstChild, row.message);
      cell.title = row.message;
    } else if (kind === "steps") this.drawSteps(row);
  }

  makeSteps() {
    this.bar = makeBar(`Progress of ${this.row.name}`);
    this.percent = make("span", "xpm-percent");
    this.text = make("span", "xpm-text");
    return [this.bar, this.percent, this.text];
  }

  drawSteps(row) {
    const value = row.progress[0][0];
    drawBar(this.bar, value);
    setText(this.percent, percentOf(value));
    const words = row.progress.map((level) => level[1]).filter(Boolean).join(" › ");
    setText(this.text, words);
    this.cells.progress.title = words;
  }

  drawButton(row) {
    const { store } = this.table;
    const word = row.final ? (row.retry_words ? "Retry" : "") : "Stop";
    this.button.hidden = !word;
    setText(this.button, word);
    this.button.disabled = Boolean(store.lost) || store.pending.has(this.key) || (!row.final && row.stopping);
    setAttribute(this.button, "aria-label", `${word} ${this.label()}`);
    setAttribute(this.logButton, "aria-label", `Log of ${this.label()}`);
    if (this.closeAsk && (this.button.disabled || this.asked !== word)) this.closeAsk(true);
  }

  pressed() {
    const { row } = this;
    this.asked = row.final ? "Retry" : "Stop";
    this.closeAsk = askBefore(this.table.view, this.cells.act, this.button, {
      question: row.final ? row.retry_words : "Stop this job?",
      yes: this.asked,
      act: () => this.table.store.act(row.final ? "retry" : "stop", [this.key], true),
      onClose: () => { this.closeAsk = null; },
    });
  }

  tick(now) {
    const seconds = secondsOf(this.row, now);
    setText(this.time, seconds === null ? "" : formatDuration(seconds));
    const left = this.leftText(now);
    setText(this.cells.left, left);
    setText(this.below, left);
  }

  leftText(now) {
    const { row } = this;
    if (row.final) return "";
    if (row.expected_end !== null) return leftWords(row.expected_end - now);
    return row.usual_s && row.started_at === null ? `usually ${roughDuration(row.usual_s)}` : "";
  }

  free() {
    this.card?.remove();
  }
}

// The metric of the sparkline stands beside it.
function shownMetrics(row) {
  const rank = ([name]) => (row.spark?.[0] === name ? 0 : 1);
  return [...row.metrics].sort((one, other) => rank(one) - rank(other)).slice(0, METRICS_SHOWN);
}

class GroupLine {
  constructor(table, line) {
    this.table = table;
    this.element = make("div", "xpm-line");
    this.head = add(this.element, "div", "xpm-row xpm-group", "", { role: "row" });
    const cell = this.cell = add(this.head, "div", "xpm-cell xpm-grouping", "", {
      role: "cell",
      "aria-colspan": COLUMNS.length + 1,
    });
    this.toggle = cell.appendChild(makeButton("xpm-toggle", undefined, () => table.fold(this.line.name)));
    this.name = add(cell, "span", "xpm-name");
    this.overall = cell.appendChild(makeOverall());
    this.words = add(cell, "span", "xpm-words");
    this.line = line;
  }

  place(place, line) {
    this.line = line;
    setAttribute(this.head, "aria-rowindex", place + 2);
    setAttribute(this.toggle, "aria-expanded", !line.folded);
    setAttribute(this.toggle, "aria-label", `Jobs with ${line.label}`);
    setText(this.name, line.label);
    drawOverall(this.overall, line.counts);
    const words = TONES.filter((tone) => line.counts[tone]).map((tone) => `${formatCount(line.counts[tone])} ${tone}`);
    setText(this.words, `${jobsWord(line.size)}: ${words.join(", ")}`);
    this.cell.title = `${line.label}\n${this.words.textContent}`;
  }

  draw() {}

  tick() {}

  free() {}
}

// A bar of all states; the words beside it say the same.
function makeOverall() {
  const overall = make("span", "xpm-overall", "", { "aria-hidden": "true" });
  for (const tone of TONES) overall.append(make("span", `xpm-part xpm-is-${tone}`));
  return overall;
}

function drawOverall(overall, counts) {
  TONES.forEach((tone, place) => {
    const grow = String(counts[tone] ?? 0);
    const part = overall.children[place];
    if (part.style.flexGrow !== grow) part.style.flexGrow = grow;
  });
}

// The card below an open row: all that is known of a job. A section is made anew only when it changed, so that
// scroll positions and selections in the others stay.

const FOLD_LINES = 14;

class Card {
  // `table` shows other jobs; the card lives as long as it is open, also while it is scrolled away.
  constructor(table, key) {
    this.table = table;
    this.store = table.store;
    this.key = key;
    this.sections = new Map();
    this.element = make("div", "xpm-card", "", { role: "row", "data-card": key });
    this.body = add(this.element, "div", "xpm-card-body", "", {
      role: "cell",
      "aria-colspan": COLUMNS.length + 1,
    });
    this.top = add(this.body, "div", "xpm-card-top");
    this.alerts = add(this.body, "div", "xpm-alerts");
    this.grid = add(this.body, "div", "xpm-sections");
    this.wide = add(this.body, "div", "xpm-wide");
    this.log = new LogPane(this.store, key);
    this.body.append(this.log.element);
    this.draw();
  }

  draw() {
    const row = this.store.row(this.key);
    this.element.className = `xpm-card xpm-is-${row.tone}`;
    const card = this.store.cards.get(this.key) ?? cardOfRow(row, this.store);
    this.section(this.top, "top", [card.label, card.path], () => this.makeTop(card));
    this.section(this.alerts, "failure", card.failure, () => makeFailure(card.failure));
    const notices = [card.problem, ...card.notices].filter(Boolean);
    this.section(this.alerts, "notices", notices, () => makeNotices(notices));
    this.section(this.grid, "params", card.params, () => makeFacts("Parameters", card.params, "xpm-mono"));
    // Where there are no tags, a row has the parameters in their place.
    const tags = card.tags.filter((tag) => !card.params.some((param) => same(param, tag)));
    this.section(this.grid, "tags", tags, () => makeFacts("Tags", tags, "xpm-mono"));
    this.section(this.grid, "progress", row.progress, () => makeLevels(row));
    this.section(this.grid, "metrics", card.metrics, () => makeMetrics(card.metrics));
    this.section(this.grid, "needs", card.needs, () => this.makeJobs("Needs", card.needs));
    this.section(this.grid, "by", card.needed_by, () => this.makeJobs("Needed by", card.needed_by));
    this.section(this.grid, "facts", card.facts, () => makeFacts("Run", card.facts));
    this.section(this.wide, "result", card.result, () => makeResult(card.result));
    this.log.draw();
  }

  // `data` decides whether it is made anew; without data there is no section.
  section(place, name, data, makeIt) {
    const known = this.sections.get(name);
    const empty = !data || data.length === 0;
    if (known && same(known.data, data)) return;
    const element = empty ? document.createComment(name) : makeIt();
    if (known) known.element.replaceWith(element);
    else place.append(element);
    this.sections.set(name, { data, element });
  }

  makeTop(card) {
    const top = make("div", "xpm-where");
    top.append(make("span", "xpm-label", card.label));
    const path = makeButton("xpm-path", undefined, () => copyFrom(path, said, card.path, text));
    const text = add(path, "span", "xpm-path-text", card.path);
    const said = add(path, "span", "xpm-copy", "Copy path");
    said.dataset.text = "Copy path";
    path.title = "Copy the path of the job's directory";
    top.append(path);
    return top;
  }

  makeJobs(title, jobs) {
    const list = make("ul", "xpm-jobs");
    for (const [key, label, word, tone] of jobs) {
      const item = add(list, "li", `xpm-is-${tone}`);
      const dot = add(item, "span", "xpm-dot", "", { "aria-hidden": "true" });
      const known = this.store.places.has(key);
      if (known) item.append(makeButton("xpm-link", label, () => this.table.reveal(key)));
      else item.append(make("span", "", label));
      item.append(make("span", "xpm-soft", word));
    }
    return makeSection(title, list);
  }
}

// What a row knows already, until the kernel sends the card.
function cardOfRow(row, store) {
  const needs = row.needs.map((key) => {
    const other = store.row(key);
    return other ? [key, other.name, other.word, other.tone] : [key, key, "", "waiting"];
  });
  return {
    label: `${row.name} ${row.key.slice(0, 8)}`, path: row.path, facts: [], params: [], tags: row.tags,
    metrics: row.metrics.map(([name, value]) => [name, value, row.spark?.[0] === name ? row.spark[1] : []]),
    needs, needed_by: [], notices: [], result: "", problem: "",
    failure: row.tone === "failed" && row.message
      ? { message: row.message, place: "", source: "", traceback: "" } : null,
  };
}

function makeSection(title, ...content) {
  const section = make("div", "xpm-section", "", { role: "group", "aria-label": title });
  section.append(make("div", "xpm-title", title), ...content);
  return section;
}

function makeFacts(title, pairs, className = "") {
  const list = make("dl", `xpm-facts ${className}`);
  for (const [name, value] of pairs) {
    const pair = add(list, "div", "xpm-fact");
    pair.append(make("dt", "", name), make("dd", "", value));
  }
  return makeSection(title, list);
}

function makeMetrics(metrics) {
  const list = make("dl", "xpm-facts xpm-metrics-list");
  for (const [name, value, heights] of metrics) {
    const pair = add(list, "div", "xpm-fact");
    const said = make("dd", "", value);
    if (heights.length) {
      const spark = makeSpark("xpm-spark xpm-spark-large");
      drawSpark(spark, heights);
      said.prepend(spark);
    }
    pair.append(make("dt", "", name), said);
  }
  return makeSection("Metrics", list);
}

function makeLevels(row) {
  const levels = row.progress.map(([value, words], depth) => {
    const level = make("div", "xpm-level");
    const bar = makeBar(words || `Level ${depth + 1}`);
    drawBar(bar, value);
    level.append(bar, make("span", "xpm-percent", percentOf(value)), make("span", "xpm-text", words));
    return level;
  });
  return makeSection("Progress", ...levels);
}

function makePre(text, label) {
  const pre = make("pre", "xpm-pre", text);
  pre.tabIndex = 0;
  pre.setAttribute("role", "region");
  pre.setAttribute("aria-label", label);
  return pre;
}

function makeFailure(failure) {
  const block = make("div", "xpm-failure");
  block.append(make("div", "xpm-failure-message", failure.message));
  if (failure.place) block.append(make("div", "xpm-place", failure.place));
  if (failure.source) block.append(make("code", "xpm-source", failure.source));
  if (failure.traceback) {
    const lines = failure.traceback.split("\n").length;
    const details = add(block, "details", "xpm-traceback");
    details.open = lines <= FOLD_LINES;
    details.append(make("summary", "", `Traceback (${formatCount(lines)} lines)`));
    details.append(makePre(failure.traceback, "Traceback"));
  }
  return block;
}

function makeNotices(notices) {
  const block = make("div", "xpm-notices");
  for (const notice of notices) block.append(make("div", "xpm-notice", notice));
  return block;
}

function makeResult(result) {
  return makeSection("Result", makePre(result, "Result"));
}

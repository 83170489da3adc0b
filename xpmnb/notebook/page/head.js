// The head of the panel: how many jobs are in which state, how far all are, when they end, and what can be done
// with all of them.

class Head {
  constructor(view) {
    this.view = view;
    this.store = view.store;
    this.element = make("div", "xpm-head");
    this.overall = this.element.appendChild(makeOverall());
    const title = view.store.model.get("title");
    if (title) this.element.append(make("span", "xpm-headline", title, { title }));
    this.line = add(this.element, "span", "xpm-counts");
    this.percent = add(this.element, "span", "xpm-sofar");
    this.said = add(this.element, "span", "xpm-said");
    this.actions = add(this.element, "span", "xpm-actions");
    this.stop = this.actions.appendChild(makeButton("xpm-button", "Stop all", () => this.askStop()));
    this.retry = this.actions.appendChild(makeButton("xpm-button", "", () => this.askRetry()));
  }

  draw() {
    const { tally, lost } = this.store;
    setText(this.line, tally.line());
    drawOverall(this.overall, tally.counts);
    const share = tally.counts.running ? Math.min(1, tally.fraction / tally.counts.running) : 1;
    this.overall.style.setProperty("--xpm-part", `${Math.round(100 * share)}%`);
    this.drawSaid();
    // Without a kernel there is nothing to press, and its loss needs the room.
    this.actions.hidden = Boolean(lost);
    this.stop.hidden = tally.final === tally.total || tally.total < 2;
    this.stop.disabled = Boolean(lost) || !tally.stoppable || this.isPending("stop-all");
    this.retry.hidden = !tally.retryable || tally.total < 2;
    setText(this.retry, `Retry failed (${formatCount(tally.retryable)})`);
    this.retry.disabled = Boolean(lost) || this.isPending("retry-failed");
    if (this.asking?.disabled || this.asking?.hidden) this.closeAsk?.();
    this.tick();
  }

  isPending(action) {
    for (const one of this.store.pending.values()) if (one === action) return true;
    return false;
  }

  drawSaid() {
    const { lost, said } = this.store;
    const text = lost ? `${lost}: this is the last known state.` : said?.text ?? "";
    setText(this.said, text);
    this.said.title = text;
    // What is said stands in the place of the guess, so that there is room.
    this.percent.hidden = Boolean(text);
    this.said.className = `xpm-said ${lost ? "xpm-lost" : `xpm-is-${said?.tone}`}`;
  }

  tick() {
    const { tally } = this.store;
    const parts = [];
    if (tally.final < tally.total) {
      parts.push(percentOf(tally.progress()));
      const left = this.store.remaining();
      if (left > 0 && !this.store.lost) parts.push(leftWords(left));
    }
    setText(this.percent, parts.join(" · "));
  }

  ask(button, question, yes, act) {
    this.closeAsk = askBefore(this.view, this.element, button, {
      question, yes, act,
      onClose: () => { this.closeAsk = this.asking = null; },
    });
    this.asking = button;
  }

  askStop() {
    const number = this.store.tally.stoppable;
    const question = number === 1 ? "Stop the unfinished job?" : `Stop all ${formatCount(number)} unfinished jobs?`;
    this.ask(this.stop, question, "Stop all", () => {
      this.store.act("stop-all", this.store.stoppable(), false);
    });
  }

  askRetry() {
    const keys = this.store.retryable();
    // What becomes of their files is said once, whether or not some never had any.
    const remarks = new Set(keys.map((key) => this.store.row(key).retry_words.replace(/^[^?]*\?\s*/, "")));
    const question = `Run ${jobsWord(keys.length)} again? ${[...remarks].filter(Boolean).slice(0, 2).join(" ")}`;
    this.ask(this.retry, question, "Retry", () => {
      this.store.act("retry-failed", this.store.retryable(), false);
    });
  }
}

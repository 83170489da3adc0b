// How wide the columns are: as wide as the longest text of all rows, drawn or not, up to a bound. They only grow,
// so that nothing jumps while values change or while one scrolls.

const WIDEST = { state: 144, task: 240, tags: 260, metrics: 220, more: 320 };

class Widths {
  constructor(root) {
    this.root = root;
    this.widths = { state: 80, task: 40, tags: 56, metrics: 72, more: 72 };
    this.letters = new Map();
    this.used = new Set();
    this.grown = true;
  }

  see(row) {
    this.try("state", [row.word, row.retries], 16 + (row.retries ? 8 : 0) + (row.code_changed ? 92 : 0));
    this.try("task", [row.name], row.name.length / 2);
    if (row.tags.length) {
      this.use("tags");
      this.try("tags", row.tags.map((tag) => tag.join("=")), 20 * row.tags.length - 4);
    }
    if (row.metrics.length || row.spark) {
      this.use("metrics");
      const shown = shownMetrics(row).map((metric) => metric.join(" "));
      const spark = row.spark ? 64 : 0;
      // The ellipsis for the others stands behind the first one, not upon its last digits.
      this.try("metrics", shown.slice(0, 1), spark + (row.metrics.length > 1 ? 24 : 0));
      // Where there is room for more than one.
      this.try("more", shown, 12 * (shown.length - 1) + spark + (row.metrics.length > shown.length ? 24 : 0));
    }
    if (row.progress.length || row.message) this.use("progress");
    if (!row.final && (row.expected_end !== null || row.usual_s)) this.use("left");
  }

  use(column) {
    if (this.used.has(column)) return;
    this.used.add(column);
    this.grown = true;
  }

  try(column, texts, more) {
    if (this.widths[column] >= WIDEST[column]) return;
    let width = more + 2;
    for (const text of texts) width += this.measure(text);
    width = Math.min(WIDEST[column], Math.ceil(width / 4) * 4);
    if (width <= this.widths[column]) return;
    this.widths[column] = width;
    this.grown = true;
  }

  // Asking the page for the width of each text costs too much: letters are asked for once.
  measure(text) {
    let width = 0;
    for (let place = 0; place < text.length && width < WIDEST.more; place += 1) {
      const letter = text[place];
      width += this.letters.get(letter) ?? this.ask(letter);
    }
    return width;
  }

  ask(letter) {
    if (!this.context) {
      const { fontFamily } = getComputedStyle(this.root);
      this.context = document.createElement("canvas").getContext("2d");
      this.context.font = `13px ${fontFamily || "sans-serif"}`;
    }
    const { width } = this.context.measureText(letter);
    this.letters.set(letter, width);
    return width;
  }

  apply() {
    if (!this.grown) return;
    this.grown = false;
    for (const [column, width] of Object.entries(this.widths)) {
      // With the padding of a cell.
      this.root.style.setProperty(`--xpm-w-${column}`, `${width + 16}px`);
    }
    for (const column of ["tags", "progress", "metrics", "left"]) {
      this.root.classList.toggle(`xpm-no-${column}`, !this.used.has(column));
    }
  }
}

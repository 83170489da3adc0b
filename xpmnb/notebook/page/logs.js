// What is known of a log: the newest text of one stream, in pieces that views append one by one.

const LOG_KEPT = 256 * 1024;
const LOG_PIECE = 8 * 1024;
// A line of a megabyte would freeze the page; it is cut where it is shown.
const LINE_SHOWN = 10_000;

function cutLines(text) {
  if (text.length <= LINE_SHOWN) return text;
  return text.split("\n").map(cutLine).join("\n");
}

function cutLine(line) {
  if (line.length <= LINE_SHOWN) return line;
  return `${line.slice(0, LINE_SHOWN)} … ${formatCount(line.length - LINE_SHOWN)} more characters`;
}

class LogText {
  constructor() {
    this.clear();
  }

  clear() {
    this.pieces = [];
    this.partial = "";
    this.size = 0;
    this.dropped = false;
  }

  // As the kernel sends it: {start, text, partial, skipped}.
  take(news) {
    if (news.start) this.clear();
    if (news.skipped) this.pieces.push({ note: true, text: `… ${formatBytes(news.skipped)} left out …\n` });
    if (news.text) this.append(cutLines(news.text));
    this.partial = cutLine(news.partial ?? "");
  }

  append(text) {
    this.size += text.length;
    const last = this.pieces.at(-1);
    if (last && !last.note && last.text.length + text.length <= LOG_PIECE) last.text += text;
    else this.split(text);
    while (this.size > LOG_KEPT && this.pieces.length > 1) {
      const first = this.pieces.shift();
      if (!first.note) this.size -= first.text.length;
      this.dropped = true;
    }
  }

  // Pieces end with lines, so that the oldest can go without cutting one.
  split(text) {
    let rest = text;
    while (rest) {
      const end = rest.length > LOG_PIECE ? rest.lastIndexOf("\n", LOG_PIECE) + 1 || rest.indexOf("\n") + 1 : 0;
      this.pieces.push({ note: false, text: rest.slice(0, end || undefined) });
      rest = end ? rest.slice(end) : "";
    }
  }

  get empty() {
    return !this.partial && !this.pieces.length;
  }

  get text() {
    return this.pieces.map((piece) => piece.text).join("") + this.partial;
  }
}

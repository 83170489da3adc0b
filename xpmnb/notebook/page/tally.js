// Sums over all rows, kept by what comes and goes: no message costs more than the rows that it changes.

class Tally {
  constructor() {
    this.counts = Object.fromEntries(TONES.map((tone) => [tone, 0]));
    this.total = 0;
    this.final = 0;
    this.fraction = 0;
    this.stoppable = 0;
    this.retryable = 0;
    this.done = { count: 0, seconds: 0 };
    this.usual = { count: 0, seconds: 0 };
    this.unknown = 0;
    this.names = new Map();
    this.tags = new Map();
  }

  // `sign` is 1 for a row that comes, and -1 for one that goes or is replaced.
  count(row, sign) {
    this.total += sign;
    this.counts[row.tone] += sign;
    if (isStoppable(row)) this.stoppable += sign;
    if (isFailedAgain(row)) this.retryable += sign;
    this.names.set(row.name, (this.names.get(row.name) ?? 0) + sign);
    for (const [name] of row.tags) this.tags.set(name, (this.tags.get(name) ?? 0) + sign);
    if (row.final) this.countFinal(row, sign);
    else {
      this.fraction += sign * (row.progress[0]?.[0] ?? 0);
      if (row.started_at === null) this.countWaiting(row, sign);
    }
  }

  countFinal(row, sign) {
    this.final += sign;
    if (row.tone !== "done" || row.started_at === null || row.ended_at === null) return;
    this.done.count += sign;
    this.done.seconds += sign * (row.ended_at - row.started_at);
  }

  countWaiting(row, sign) {
    if (row.usual_s === null || row.usual_s === undefined) this.unknown += sign;
    else {
      this.usual.count += sign;
      this.usual.seconds += sign * row.usual_s;
    }
  }

  // From 0 to 1.
  progress() {
    return this.total ? Math.min(1, Math.max(0, (this.final + this.fraction) / this.total)) : 0;
  }

  // How many seconds all will need from now on; null where nobody can tell.
  remaining(running, now) {
    if (!running.length) return null;
    const mean = this.done.count ? this.done.seconds / this.done.count : null;
    let sum = this.usual.seconds;
    let longest = 0;
    for (const row of running) {
      const left = leftOf(row, now, mean);
      if (left === null) return null;
      sum += left;
      longest = Math.max(longest, left);
    }
    if (this.unknown > 0) {
      if (mean === null) return null;
      sum += this.unknown * mean;
    }
    return Math.max(longest, sum / running.length);
  }

  words() {
    return TONES.filter((tone) => this.counts[tone])
      .map((tone) => `${formatCount(this.counts[tone])} ${tone}`).join(", ");
  }

  line() {
    const words = this.words();
    return words ? `${jobsWord(this.total)}: ${words}` : jobsWord(this.total);
  }
}

// Views that ask at the same time hear the same, and for so long one job of which nothing is known changes nothing.
const ASK_AGAIN_S = 0.5;
const STILL_KNOWN_S = 5;

// When all will have ended, from what was expected before and from a new guess of the seconds that are left. Guesses
// go up and down with each job that begins or ends: their mean counts at first, later on the newer ones more, the
// less time is left. With other jobs it begins anew.
function steadied(before, left, total, now) {
  if (!before || before.total !== total) return left === null ? null : { end: now + left, at: now, looks: 1, total };
  const passed = Math.max(0, now - before.at);
  if (passed < ASK_AGAIN_S) return before;
  if (left === null) return passed < STILL_KNOWN_S ? before : null;
  const weight = Math.max(1 / (before.looks + 1), passed / (passed + Math.max(0, before.end - now) / 4));
  const end = before.end + weight * (now + left - before.end);
  return { end, at: now, looks: before.looks + 1, total };
}

function isStoppable(row) {
  return !row.final && !row.stopping;
}

function isFailedAgain(row) {
  return row.tone === "failed" && Boolean(row.retry_words);
}

function leftOf(row, now, mean) {
  if (row.expected_end !== null) return Math.max(0, row.expected_end - now);
  const usual = row.usual_s ?? mean;
  return usual === null ? null : Math.max(0, row.started_at + usual - now);
}

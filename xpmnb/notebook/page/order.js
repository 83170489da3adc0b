// Which lines the table shows, and in what order: filter, sort and group. Pure.
// A line is the key of a row, or a group: {group, name, label, keys, counts, folded}.

// What needs a person comes first.
const TONE_ORDER = { failed: 0, running: 1, waiting: 2, cancelled: 3, done: 4 };
const COLLATOR = new Intl.Collator("en", { numeric: true, sensitivity: "base" });
const haystacks = new WeakMap();

function haystackOf(row) {
  let text = haystacks.get(row);
  if (text === undefined) {
    const pairs = row.tags.map(([name, value]) => `${name}=${value}`);
    text = [row.name, ...pairs, row.message, row.key, row.word, row.tone].join("\n").toLowerCase();
    haystacks.set(row, text);
  }
  return text;
}

function matchesFilter(row, words, tones) {
  if (tones.size && !tones.has(row.tone)) return false;
  if (!words.length) return true;
  const text = haystackOf(row);
  return words.every((word) => text.includes(word));
}

function filterWords(text) {
  return text.toLowerCase().split(/\s+/).filter(Boolean);
}

function tagValue(row, name) {
  if (name === "") return row.name;
  return row.tags.find((tag) => tag[0] === name)?.[1];
}

function secondsOf(row, now) {
  if (row.started_at === null) return null;
  const end = row.final ? row.ended_at : now;
  return end === null ? null : end - row.started_at;
}

function leftSeconds(row, now) {
  if (row.final) return null;
  if (row.expected_end !== null) return Math.max(0, row.expected_end - now);
  return row.usual_s ?? null;
}

const SORT_VALUES = {
  state: (row) => TONE_ORDER[row.tone],
  task: (row) => row.name,
  tags: (row) => row.tags.map((tag) => tag[1]).join(" ") || null,
  progress: (row) => row.progress[0]?.[0] ?? (row.message || null),
  metrics: (row) => {
    const number = Number.parseFloat(row.metrics[0]?.[1]);
    return Number.isNaN(number) ? row.metrics[0]?.[1] ?? null : number;
  },
  time: secondsOf,
  left: leftSeconds,
};

// Numbers before words, and what has no value last, however it is sorted.
function compareValues(one, other, direction) {
  if (one === other) return 0;
  if (one === null) return 1;
  if (other === null) return -1;
  const numbers = (typeof one === "number") - (typeof other === "number");
  if (numbers) return -numbers * direction;
  if (typeof one === "number") return (one - other) * direction;
  return compareWords(one.split(" "), other.split(" ")) * direction;
}

// Word by word: 0.25 comes before 0.5, and 1e-3 before both, which no collation knows.
function compareWords(words, others) {
  for (let place = 0; place < Math.min(words.length, others.length); place += 1) {
    const [one, other] = [words[place], others[place]];
    const numbers = Number(one) - Number(other);
    const order = Number.isNaN(numbers) ? COLLATOR.compare(one, other) : numbers;
    if (order) return order;
  }
  return words.length - others.length;
}

function sortedKeys(keys, rowOf, sort, now) {
  const value = SORT_VALUES[sort.column];
  const direction = sort.down ? -1 : 1;
  const items = keys.map((key) => ({ key, value: value(rowOf(key), now) }));
  items.sort((one, other) => compareValues(one.value, other.value, direction));
  return items.map((item) => item.key);
}

function countTones(keys, rowOf) {
  const counts = {};
  for (const key of keys) {
    const { tone } = rowOf(key);
    counts[tone] = (counts[tone] ?? 0) + 1;
  }
  return counts;
}

function groupedLines(keys, rowOf, state) {
  const groups = new Map();
  for (const key of keys) {
    const value = tagValue(rowOf(key), state.group);
    if (!groups.has(value)) groups.set(value, []);
    groups.get(value).push(key);
  }
  const values = [...groups.keys()].sort((one, other) => compareValues(one ?? null, other ?? null, 1));
  const lines = [];
  for (const value of values) {
    const inside = groups.get(value);
    const name = `${state.group}=${value ?? ""}`;
    const folded = state.folded.has(name);
    const label = value === undefined ? `no ${state.group}` : state.group ? name : value;
    lines.push({ group: true, name, label, size: inside.length, counts: countTones(inside, rowOf), folded });
    if (!folded) for (const key of inside) lines.push(key);
  }
  return lines;
}

function isFiltered(state) {
  return state.tones.size > 0 || state.text.trim() !== "";
}

// Without filter, order and groups, the keys themselves are the lines.
function linesOf(store, state) {
  const rowOf = (key) => store.row(key);
  const words = filterWords(state.text);
  let keys = isFiltered(state)
    ? store.keys.filter((key) => matchesFilter(rowOf(key), words, state.tones)) : [...store.keys];
  if (state.sort) keys = sortedKeys(keys, rowOf, state.sort, store.now());
  return state.group === null ? keys : groupedLines(keys, rowOf, state);
}

function lineName(line) {
  return typeof line === "string" ? line : `group ${line.name}`;
}

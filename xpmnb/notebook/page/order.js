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
  tags: (row) => (row.tags.length ? row.tags.map((tag) => valueOf(tag[1])) : null),
  progress: (row) => row.progress[0]?.[0] ?? (row.message || null),
  metrics: (row) => valueOf(shownMetrics(row)[0]?.[1]),
  time: secondsOf,
  left: leftSeconds,
};

// A number where it is one, also as text: 0.01 comes before 0.1.
function valueOf(text) {
  const number = text ? Number(text) : NaN;
  return Number.isNaN(number) ? text ?? null : number;
}

// Numbers before words, and what has no value last, however it is sorted.
function compareValues(one, other, direction) {
  if (one === other) return 0;
  if (one === null || other === null) return one === null ? 1 : -1;
  if (Array.isArray(one)) {
    const place = one.findIndex((value, at) => value !== other[at]);
    return place < 0 ? one.length - other.length : compareValues(one[place], other[place] ?? null, direction);
  }
  const numbers = (typeof other === "number") - (typeof one === "number");
  if (numbers) return numbers * direction;
  return (typeof one === "number" ? one - other : COLLATOR.compare(one, other)) * direction;
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
  const values = [...groups.keys()].sort((one, other) => compareValues(valueOf(one), valueOf(other), 1));
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

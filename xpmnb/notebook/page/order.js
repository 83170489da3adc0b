// Which lines the table shows, and in what order: filter, sort and group. Pure.
// A line is the key of a row, or a group: {group, name, label, keys, counts, folded}.

// What needs a person comes first.
const TONE_ORDER = { failed: 0, running: 1, waiting: 2, cancelled: 3, done: 4 };
const COLLATOR = new Intl.Collator("en", { numeric: true, sensitivity: "base" });
const lowered = new WeakMap();

// What a row is searched for, in lower case: all its text, and its names with values.
function loweredOf(row) {
  let found = lowered.get(row);
  if (!found) {
    const tags = row.tags.map(([name, value]) => `${name}=${value}`);
    const text = [row.name, ...tags, row.message, row.key, row.word, row.tone].join("\n").toLowerCase();
    const pairs = [...row.tags, ...row.metrics].map((pair) => pair.map((part) => part.toLowerCase()));
    found = { text, pairs };
    lowered.set(row, found);
  }
  return found;
}

function matchesFilter(row, words, tones) {
  if (tones.size && !tones.has(row.tone)) return false;
  return words.every((word) => matchesWord(row, word));
}

// A value is meant as a whole, so that n=1 is not n=10; other words may stand anywhere.
function matchesWord(row, word) {
  const { text, pairs } = loweredOf(row);
  const at = word.indexOf("=");
  if (at < 0) return text.includes(word);
  const wanted = word.slice(at + 1);
  return pairs.some(([name, value]) => (at === 0 || name === word.slice(0, at)) && matchesValue(value, wanted));
}

// Nothing is any value: somebody is still typing.
function matchesValue(value, wanted) {
  if (wanted.endsWith("*")) return value.startsWith(wanted.slice(0, -1));
  return wanted === "" || valueOf(value) === valueOf(wanted);
}

// What stands between quotes is one word.
function filterWords(text) {
  const words = text.toLowerCase().match(/(?:"[^"]*"?|[^\s"])+/g) ?? [];
  return words.map((word) => word.replaceAll('"', "")).filter(Boolean);
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

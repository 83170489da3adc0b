// Filters, groups and the choice of the view. It is there for many jobs only, and then stays.

const TOOLBAR_FROM = 9;
const VIEW_NAMES = { jobs: "Jobs", timeline: "Timeline", graph: "Graph" };
const FILTER_TITLE = "Words are found anywhere in names, values, identifiers and errors. "
  + 'n=1 is this value of a tag or metric only, n=1* all that begin with it; what has blanks stands in quotes: "a b".';

class Toolbar {
  constructor(view) {
    this.view = view;
    this.store = view.store;
    this.element = make("div", "xpm-toolbar", "", { role: "group", "aria-label": "Filter and group" });
    this.filters = add(this.element, "div", "xpm-filters");
    this.chips = {};
    for (const tone of ["failed", "running", "waiting", "cancelled", "done"]) this.filters.append(this.makeChip(tone));
    this.filters.append(this.makeSearch());
    this.filters.append(this.makeGroups());
    this.found = add(this.filters, "span", "xpm-found");
    this.views = this.element.appendChild(this.makeViews());
  }

  makeChip(tone) {
    const chip = makeButton(`xpm-chip xpm-is-${tone}`, undefined, () => {
      const { tones } = this.view.state;
      if (!tones.delete(tone)) tones.add(tone);
      this.view.rearrange();
    });
    const dot = add(chip, "span", "xpm-dot", "", { "aria-hidden": "true" });
    chip.append(make("span", "", ""));
    this.chips[tone] = chip;
    return chip;
  }

  makeSearch() {
    this.search = make("input", "xpm-search");
    this.search.type = "search";
    this.search.placeholder = "Filter: a word, n=1, n=1*";
    this.search.title = FILTER_TITLE;
    this.search.setAttribute("aria-label", "Filter by text");
    this.search.spellcheck = false;
    this.search.autocomplete = "off";
    this.search.addEventListener("input", () => {
      this.view.state.text = this.search.value;
      this.view.rearrange();
    });
    return this.search;
  }

  makeGroups() {
    const label = make("label", "xpm-groups");
    label.append(make("span", "xpm-soft", "Group by"));
    this.groups = add(label, "select", "xpm-select");
    this.groups.addEventListener("change", () => {
      const { value } = this.groups;
      this.view.state.group = value === "none" ? null : value.slice(1);
      this.view.rearrange();
    });
    this.groupLabel = label;
    return label;
  }

  makeViews() {
    const views = make("div", "xpm-views", "", { role: "group", "aria-label": "View" });
    this.viewButtons = {};
    const offered = this.store.model.get("views") ?? [];
    if (offered.length > 1) {
      for (const name of offered) {
        const button = makeButton("xpm-button xpm-view", VIEW_NAMES[name] ?? name, () => this.view.choose(name));
        this.viewButtons[name] = views.appendChild(button);
      }
    }
    return views;
  }

  draw() {
    const { state } = this.view;
    const { tally } = this.store;
    this.shown ||= tally.total >= TOOLBAR_FROM || isFiltered(state);
    const many = this.shown && state.view === "jobs";
    this.filters.hidden = !many;
    this.element.hidden = !many && !this.views.childElementCount;
    if (many) this.drawFilters(state, tally);
    for (const [name, button] of Object.entries(this.viewButtons)) setAttribute(button, "aria-pressed", name === state.view);
  }

  drawFilters(state, tally) {
    for (const [tone, chip] of Object.entries(this.chips)) {
      const on = state.tones.has(tone);
      chip.hidden = !tally.counts[tone] && !on && !chip.dataset.seen;
      // Once there, it stays in its place.
      if (!chip.hidden) chip.dataset.seen = "yes";
      setText(chip.lastChild, `${formatCount(tally.counts[tone])} ${tone}`);
      setAttribute(chip, "aria-pressed", on);
    }
    if (this.search.value !== state.text) this.search.value = state.text;
    this.drawGroups(state, tally);
    const shown = this.view.table.shownCount();
    setText(this.found, isFiltered(state) ? `${formatCount(shown)} of ${jobsWord(tally.total)}` : "");
  }

  drawGroups(state, tally) {
    const names = [...tally.tags].filter(([, number]) => number > 0).map(([name]) => name);
    const tasks = [...tally.names.values()].filter((number) => number > 0).length;
    const options = [["none", "nothing"], ...names.map((name) => [`=${name}`, name])];
    if (tasks > 1) options.splice(1, 0, ["=", "task"]);
    this.groupLabel.hidden = options.length < 2;
    const value = state.group === null ? "none" : `=${state.group}`;
    if (!same(options, this.options)) {
      this.options = options;
      this.groups.replaceChildren(...options.map(([id, name]) => {
        const option = make("option", "", name);
        option.value = id;
        return option;
      }));
    }
    if (this.groups.value !== value) this.groups.value = value;
  }
}

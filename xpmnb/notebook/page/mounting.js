// Puts live views into the saved tables of the page, now and later. One registry a page, which all panels share
// (each loads this script for itself), with one observer.

const REGISTRY = Symbol.for("xpmnb.panels.1");
// A table that was replaced is followed by another soon; a cell that was scrolled away may take longer.
const SPARE_MS = 60_000;

function registry() {
  if (!globalThis[REGISTRY]) {
    const made = { stores: new Map(), mounts: new Map(), hosts: document.getElementsByClassName("xpm-static") };
    made.observer = new MutationObserver((records) => {
      if (made.mounts.size && records.some(isElsewhere)) scanPage();
    });
    made.observer.observe(document.body, { childList: true, subtree: true });
    globalThis[REGISTRY] = made;
  }
  return globalThis[REGISTRY];
}

// What live views draw themselves is no news.
function isElsewhere({ target }) {
  return !(target.closest?.(".xpm-live"));
}

function scanPage() {
  const { hosts, mounts } = registry();
  const found = new Map();
  for (const host of hosts) {
    for (const name of host.classList) {
      if (!mounts.has(name)) continue;
      if (!found.has(name)) found.set(name, []);
      found.get(name).push(host);
    }
  }
  for (const [mark, mount] of mounts) mount.update(found.get(mark) ?? []);
}

// A model is known by its mark: what `initialize` and `render` get are two objects for one model.
function storeOf(model) {
  const { stores, mounts } = registry();
  const name = model.get("mark") || model.get("rows");
  let store = stores.get(name);
  if (!store) {
    store = new Store(model.get("rows"));
    store.forget = () => {
      stores.delete(name);
      mounts.delete(name);
    };
    stores.set(name, store);
  }
  return store;
}

class Mounts {
  constructor(store) {
    this.store = store;
    store.mounts = this;
    this.views = new Map();
    this.asleep = new WeakMap();
    this.spare = [];
    this.state = undefined;
  }

  // `hosts` are all elements of the page that want a view.
  update(hosts) {
    const gone = [...this.views.keys()].filter((host) => !hosts.includes(host));
    const fresh = hosts.filter((host) => !this.views.has(host));
    if (!gone.length && !fresh.length) return;
    const free = gone.map((host) => [host, this.views.get(host)]);
    for (const host of gone) this.views.delete(host);
    for (const host of fresh) {
      const view = this.asleep.get(host) ?? free.shift()?.[1] ?? this.spare.at(-1)
        ?? new PanelView(this.store, this.copyState());
      this.place(view, host);
    }
    for (const [host, view] of free) this.lay(view, host);
  }

  place(view, host) {
    this.views.set(host, view);
    this.spare = this.spare.filter((other) => other !== view);
    if (view.host) this.asleep.delete(view.host);
    view.host = host;
    for (const still of host.getElementsByClassName("xpm-still")) still.hidden = true;
    if (view.root.parentNode !== host) host.append(view.root);
    view.wake();
    view.moved();
  }

  // Keeps a view for the table that comes next, and longer for its own one: cells out of sight leave the page.
  lay(view, host) {
    this.spare.push(view);
    view.sleep();
    this.state = view.state;
    this.asleep.set(host, view);
    setTimeout(() => this.drop(view), SPARE_MS);
  }

  drop(view) {
    if (!view.awake) this.spare = this.spare.filter((other) => other !== view);
    this.store.release();
  }

  // What was open in the last view is open in the next.
  copyState() {
    if (!this.state || this.views.size) return undefined;
    const { open, tones, folded, ...rest } = this.state;
    return { ...rest, open: new Set(open), tones: new Set(tones), folded: new Set(folded) };
  }
}

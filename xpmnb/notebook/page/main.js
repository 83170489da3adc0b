// The two entrances that a front end calls.

function initialize({ model }) {
  const store = storeOf(model);
  store.attach(model);
  const mark = model.get("mark");
  if (!mark) return;
  const { mounts } = registry();
  if (!mounts.has(mark)) mounts.set(mark, new Mounts(store));
  scanPage();
}

function render({ model, el }) {
  const store = storeOf(model);
  if (!store.model) store.attach(model);
  const view = new PanelView(store);
  el.append(view.root);
  view.wake();
  return () => {
    view.sleep();
    view.root.remove();
  };
}

export default { initialize, render };

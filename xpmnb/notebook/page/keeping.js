// Where the person was in a view, so that it is there again when something is moved on the page: focus, scroll
// positions and the selected text.

const SCROLLING = ".xpm-scroll, .xpm-log-pane, .xpm-pre, .xpm-picture";

class PlaceKeeper {
  constructor(root) {
    this.root = root;
    this.scrolls = new WeakMap();
    this.focused = null;
    this.selection = null;
    // Scrolling does not bubble: listened to on the way down.
    root.addEventListener("scroll", ({ target }) => {
      if (root.isConnected) this.scrolls.set(target, [target.scrollTop, target.scrollLeft]);
    }, { capture: true, passive: true });
    root.addEventListener("focusin", (event) => { this.focused = event.target; });
    root.addEventListener("focusout", () => this.left());
    this.select = () => this.noteSelection();
  }

  wake() {
    document.addEventListener("selectionchange", this.select);
  }

  sleep() {
    document.removeEventListener("selectionchange", this.select);
  }

  // An element that is taken off the page loses the focus as well: only who goes elsewhere leaves.
  left() {
    const before = this.focused;
    setTimeout(() => {
      if (this.focused === before && this.root.isConnected && document.activeElement !== before) this.focused = null;
    });
  }

  noteSelection() {
    if (!this.root.isConnected) return;
    const { anchorNode, anchorOffset, focusNode, focusOffset, isCollapsed } = getSelection();
    const inside = !isCollapsed && this.root.contains(anchorNode) && this.root.contains(focusNode);
    this.selection = inside ? [anchorNode, anchorOffset, focusNode, focusOffset] : null;
  }

  // What scrolls inside an element forgets its place when the element is moved.
  restoreScrolls(element) {
    for (const target of element.querySelectorAll(SCROLLING)) {
      const [top, left] = this.scrolls.get(target) ?? [0, 0];
      if (target.scrollTop !== top) target.scrollTop = top;
      if (target.scrollLeft !== left) target.scrollLeft = left;
    }
  }

  restore() {
    const { root, focused, selection } = this;
    this.restoreScrolls(root);
    if (focused && root.contains(focused) && document.activeElement === document.body) {
      focused.focus({ preventScroll: true });
    }
    if (selection?.every((part) => typeof part === "number" || root.contains(part))) {
      getSelection().setBaseAndExtent(...selection);
    }
  }
}

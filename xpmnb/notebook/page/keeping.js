// Where the person was in a view, so that it is there again when the view is moved on the page: focus, scroll
// positions and the selected text.

class PlaceKeeper {
  constructor(root) {
    this.root = root;
    this.scrolls = new Map();
    this.focused = null;
    this.selection = null;
    root.addEventListener("scroll", (event) => this.noteScroll(event.target), { capture: true, passive: true });
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

  noteScroll(target) {
    if (!this.root.isConnected) return;
    this.scrolls.set(target, [target.scrollTop, target.scrollLeft]);
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

  restore() {
    const { focused, selection } = this;
    for (const [target, [top, left]] of this.scrolls) {
      if (!this.root.contains(target)) {
        this.scrolls.delete(target);
        continue;
      }
      if (target.scrollTop !== top) target.scrollTop = top;
      if (target.scrollLeft !== left) target.scrollLeft = left;
    }
    if (focused && this.root.contains(focused) && document.activeElement === document.body) {
      focused.focus({ preventScroll: true });
    }
    if (selection?.every((part) => typeof part === "number" || this.root.contains(part))) {
      getSelection().setBaseAndExtent(...selection);
    }
  }
}

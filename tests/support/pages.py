"""HTML as a browser takes it apart: its elements and its text."""

from html.parser import HTMLParser

_VOID = frozenset({"br", "hr", "img", "input"})


class Page(HTMLParser):
    """Elements, text and lines of a page; refuses what static HTML must not have."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(source)
        self.close()
        assert self._open == [], f"left open: {self._open}"
        assert "script" not in self.tags

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        assert not [name for name, _ in attrs if name.startswith("on") or name == "href"]
        assert all(value and value.startswith("data:") for name, value in attrs if name == "src")
        if tag not in _VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open[-1:] != ["style"]:
            self.text += data

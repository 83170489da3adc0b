"""What is left of HTML on pages that trust nobody: allow-lists, as GitHub's and JupyterLab's."""

from collections.abc import Collection
from html import escape
from html.parser import HTMLParser

_GITHUB = (
    "h1 h2 h3 h4 h5 h6 br b i strong em a pre code img tt div ins del sup sub p ol ul table thead "
    "tbody tfoot blockquote dl dt dd kbd q samp var hr ruby rt rp li tr td th s strike summary "
    "details caption figure figcaption abbr bdo cite dfn mark small span time wbr"
)
GITHUB_TAGS = frozenset(_GITHUB.split())
"""Those of the gem html-pipeline."""

_ATTRIBUTES = frozenset({"align", "alt", "colspan", "open", "scope", "title", "width"})
# Of these no sanitizer keeps the text; of other elements all do.
_SILENT = frozenset({"script", "style"})


class _Sanitizer(HTMLParser):
    def __init__(self, tags: Collection[str]) -> None:
        super().__init__()
        self._tags = tags
        self._silent = False
        self.kept: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._silent = tag in _SILENT
        if tag in self._tags:
            kept = [
                f' {name}="{escape(value or "")}"' for name, value in attrs if name in _ATTRIBUTES
            ]
            self.kept.append(f"<{tag}{''.join(kept)}>")

    def handle_endtag(self, tag: str) -> None:
        self._silent = False
        if tag in self._tags:
            self.kept.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.kept.append(escape(data))


def sanitized(source: str, tags: Collection[str] = GITHUB_TAGS) -> str:
    """Return HTML without styles, classes, scripts, SVG and addresses; its words stay."""
    sanitizer = _Sanitizer(tags)
    sanitizer.feed(source)
    sanitizer.close()
    return "".join(sanitizer.kept)

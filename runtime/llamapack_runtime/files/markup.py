"""Turns the HTML of a converted document into plain text that keeps headings, lists and tables, as
Markdown writes them. Knows nothing of documents from the web: scripts and styles do not occur."""

from __future__ import annotations

from html.parser import HTMLParser

_HEADINGS = {f"h{level}": "#" * level + " " for level in range(1, 7)}
_BLOCKS = frozenset(["p", "dd", "dt", *_HEADINGS])
_INDENT = "  "
# The link from a note to where it is mentioned.
_WAY_BACK = "↑"


def text_of(html: str) -> str:
    """Blocks are separated by an empty line, items of a list and rows of a table by a line end."""
    writer = _Writer()
    writer.feed(html)
    writer.close()
    return writer.text()


class _Writer(HTMLParser):
    """Collects finished lines in `_lines` and the words of the present one in `_words`."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._lines: list[str] = []
        self._words: list[str] = []
        self._prefix = ""
        # For each open list the number of its last item, None where items are not numbered.
        self._lists: list[int | None] = []
        # For each open table the cells of its present row, for each open cell the words around it.
        self._rows: list[list[str]] = []
        self._around: list[list[str]] = []
        self._is_first_row: list[bool] = []

    def text(self) -> str:
        self._end_line()
        return "\n".join(self._lines)

    def handle_data(self, data: str) -> None:
        if data != _WAY_BACK:
            self._words.append(data)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "br":
            self._words.append("\n")
        elif tag == "input":
            is_checked = any(name == "checked" for name, _ in attrs)
            self._words.append("[x] " if is_checked else "[ ] ")
        elif tag in _BLOCKS:
            self._end_line()
            self._prefix = self._prefix or _HEADINGS.get(tag, "")
        elif tag in ("ul", "ol"):
            self._end_line()
            self._lists.append(0 if tag == "ol" else None)
        elif tag == "li":
            self._start_item()
        elif tag == "table":
            self._end_line()
            self._rows.append([])
            self._is_first_row.append(True)
        elif tag in ("td", "th"):
            self._around.append(self._words)
            self._words = []

    def handle_endtag(self, tag: str) -> None:
        if tag in _BLOCKS:
            self._end_line()
            self._end_block()
        elif tag == "li":
            self._end_line()
        elif tag in ("ul", "ol") and self._lists:
            self._end_line()
            self._lists.pop()
            if not self._lists:
                self._end_block()
        elif tag in ("td", "th") and self._rows and self._around:
            self._rows[-1].append(" ".join("".join(self._words).split()))
            self._words = self._around.pop()
        elif tag == "tr" and self._rows:
            self._end_row()
        elif tag == "table" and self._rows:
            self._rows.pop()
            self._is_first_row.pop()
            self._end_block()

    def _start_item(self) -> None:
        self._end_line()
        depth = max(0, len(self._lists) - 1)
        mark = "- "
        if self._lists and (number := self._lists[-1]) is not None:
            self._lists[-1] = number + 1
            mark = f"{number + 1}. "
        self._prefix = _INDENT * depth + mark

    def _end_line(self) -> None:
        """Within a table it is a space: a row is one line."""
        if self._rows:
            self._words.append(" ")
            return
        line = "".join(self._words).strip()
        if line:
            self._lines.append(self._prefix + line)
            self._prefix = ""
        self._words = []

    def _end_block(self) -> None:
        if not self._rows and not self._lists and self._lines and self._lines[-1]:
            self._lines.append("")

    def _end_row(self) -> None:
        cells = self._rows[-1]
        row = "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
        self._rows[-1] = []
        if len(self._rows) > 1:
            self._words.append(" ".join(cells) + " ")  # a table in a cell
            return
        self._lines.append(row)
        if self._is_first_row[-1]:
            self._lines.append("|" + " --- |" * len(cells))
        self._is_first_row[-1] = False

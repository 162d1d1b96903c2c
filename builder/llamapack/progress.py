"""How the commands talk while they work: notes, warnings and a progress bar, all on stderr."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable

import click

from llamapack.text import size_text, time_text

REDRAW_S = 0.1
BAR_CELLS = 24


class TerminalReporter:
    """Bars appear only on a terminal. A context manager: leaving it wipes an open bar."""

    def __init__(self) -> None:
        self._stream = sys.stderr
        self._is_terminal = self._stream.isatty()
        self._has_bar = False

    def __enter__(self) -> TerminalReporter:
        return self

    def __exit__(self, *_: object) -> None:
        self._wipe()

    def note(self, line: str) -> None:
        self._wipe()
        click.echo(line, err=True)

    def warn(self, line: str) -> None:
        self.note(style("Warning: ", "yellow") + line)

    def start(self, label: str, total_bytes: int) -> Callable[[int], None]:
        """Begin a bar and return what moves it on by a number of bytes."""
        if not self._is_terminal:
            return lambda _: None
        started = time.monotonic()
        drawn = 0.0
        done = 0

        def advance(count: int) -> None:
            nonlocal drawn, done
            done += count
            now = time.monotonic()
            if now - drawn >= REDRAW_S or done == total_bytes:
                drawn = now
                self._draw(bar_text(label, done, total_bytes, now - started))

        return advance

    def _draw(self, line: str) -> None:
        columns = shutil.get_terminal_size().columns
        self._has_bar = True
        self._stream.write("\r\x1b[K" + line[: columns - 1])
        self._stream.flush()

    def _wipe(self) -> None:
        if self._has_bar:
            self._has_bar = False
            self._stream.write("\r\x1b[K")
            self._stream.flush()


def bar_text(label: str, done: int, total: int, elapsed_s: float) -> str:
    """`Packing x.gguf  [####----]  45 %  2.0 of 4.5 GB  512.0 MB/s  5 s left`."""
    share = min(done / total, 1.0) if total else 1.0
    cells = round(share * BAR_CELLS)
    rate = done / elapsed_s if elapsed_s > 0 else 0.0
    left = f"  {time_text((total - done) / rate)} left" if rate and done < total else ""
    bar = "#" * cells + "-" * (BAR_CELLS - cells)
    return (
        f"{label}  [{bar}] {share:4.0%}  {size_text(done)} of {size_text(total)}"
        f"  {size_text(rate)}/s{left}"
    )


def style(text: str, color: str) -> str:
    """Coloured for terminals; click takes the colour out elsewhere, `cli.main` for NO_COLOR."""
    return click.style(text, fg=color, bold=True)

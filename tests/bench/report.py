"""The lines of all rows as a table for people and as JSON, with what they were measured on."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from bench.contest import Contest
from bench.figures import Line

_HEADINGS = ("row", "unit", "ours", "other", "against", "ratio", "target", "met", "note")
_NUMBERS = frozenset({"ours", "other", "ratio", "target"})


def table(lines: Sequence[Line], failures: Mapping[str, str]) -> str:
    """Columns padded for a terminal that also read as Markdown."""
    rows = [_HEADINGS, *(_cells(line) for line in lines)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADINGS))]
    rules = [
        "-" * (width - 1) + (":" if heading in _NUMBERS else "-")
        for heading, width in zip(_HEADINGS, widths, strict=True)
    ]
    rows.insert(1, tuple(rules))
    text = ["| " + " | ".join(map(_padded, row, widths, _HEADINGS)) + " |" for row in rows]
    return "\n".join([*text, *(f"{name}: not measured. {why}" for name, why in failures.items())])


def _padded(cell: str, width: int, heading: str) -> str:
    return cell.rjust(width) if heading in _NUMBERS else cell.ljust(width)


def _cells(line: Line) -> tuple[str, ...]:
    met = {None: "", True: "yes", False: "NO"}[line.is_met]
    return (
        *(line.title, line.unit, _number(line.ours), _number(line.other), line.against),
        *(_number(line.ratio), str(line.target or ""), met, line.note),
    )


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.1f}" if abs(value) >= 10 else f"{value:.3f}"


def as_json(
    facts: Mapping[str, object],
    contest: Contest,
    lines: Sequence[Line],
    failures: Mapping[str, str],
) -> str:
    content = {
        "machine": {**facts, "load_after": load()},
        "pack_bytes": contest.ours.path.stat().st_size,
        "llama_server": contest.peer.command,
        "turns": contest.turns,
        "is_quick": contest.is_quick,
        "lines": [{**asdict(line), "is_met": line.is_met} for line in lines],
        "failures": failures,
    }
    return json.dumps(content, indent=1) + "\n"


def machine() -> dict[str, object]:
    cpus = Path("/proc/cpuinfo")
    names = cpus.read_text().splitlines() if cpus.exists() else []
    model = next((line.partition(":")[2].strip() for line in names if "model name" in line), "")
    return {
        "processor": model or platform.processor(),
        "cores": os.cpu_count(),
        "system": platform.platform(),
        "load_before": load(),
    }


def load() -> str:
    """How many processes wanted a processor in the last 1, 5 and 15 minutes."""
    path = Path("/proc/loadavg")
    return " ".join(path.read_text().split()[:3]) if path.exists() else "unknown"

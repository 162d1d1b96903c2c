"""The weights stay in the file: mapped, shared between processes, never written anywhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from llamapack_runtime.pack import Pack
from running_pack import RunningPack, chat, running

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


def mapped(process: RunningPack, pack: Path) -> dict[str, int]:
    """Bytes of the pack's own mappings, summed from /proc/PID/smaps."""
    total = {"Rss": 0, "Pss": 0, "Private_Dirty": 0, "Anonymous": 0}
    inside = False
    for line in Path(f"/proc/{process.process.pid}/smaps").read_text().splitlines():
        if re.match(r"^[0-9a-f]+-[0-9a-f]+ ", line):
            inside = line.endswith(str(pack))
        elif inside:
            name, _, value = line.partition(":")
            if name in total:
                total[name] += int(value.split()[0]) * 1024
    return total


def written(process: RunningPack) -> int:
    """Bytes that the process handed to write(2) and its kin, so far."""
    io = Path(f"/proc/{process.process.pid}/io").read_text()
    return int(io.split("wchar: ")[1].split()[0])


def test_weights_are_mapped_shared_and_never_written(pack: Path, home: Path) -> None:
    with Pack.open(pack) as opened:
        weights = next(entry.size for entry in opened.entries if entry.name.startswith("model/"))
    with running(pack, home, arguments=["--ctx-size", "512"]) as first:
        runtime_bytes = sum(
            path.stat().st_size for path in (home / "cache").rglob("*") if path.is_file()
        )
        assert written(first) < runtime_bytes + 8e6
        with running(pack, home, arguments=["--ctx-size", "512"]) as second:
            # The hardware trial writes a sample model to memory when it measures again.
            assert written(second) < weights / 5
            for process in (first, second):
                assert chat(process.url, "Hello")
            alone, beside = mapped(first, pack), mapped(second, pack)
    assert alone["Rss"] > 0.8 * weights
    assert alone["Anonymous"] == beside["Anonymous"] == 0
    assert alone["Private_Dirty"] == 0
    assert beside["Pss"] < 0.6 * beside["Rss"]

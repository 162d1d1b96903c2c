"""The README's first two commands go together."""

from __future__ import annotations

import re
from pathlib import Path

from command_line import Run
from make_gguf import make_gguf

README = Path(__file__).resolve().parents[2] / "README.md"


def test_the_first_makes_what_the_second_starts(workplace: Path, run: Run) -> None:
    text = README.read_text(encoding="utf-8")
    build, start = re.findall(r"^\$ (.+)$", text.partition("\n## ")[0], re.MULTILINE)
    program, command, model = build.split()
    make_gguf(workplace / model)
    assert (program, run(command, model).code) == ("llamapack", 0)
    assert sorted(path.name for path in workplace.iterdir()) == sorted(
        [model, start.removeprefix("./")]
    )

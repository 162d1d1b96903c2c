"""`llamapack build --dry-run`: says what a build would make, to the byte, and makes nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from command_line import Run, names
from llamapack_runtime.pack import Pack

FLAGS = ["-o", "made", "--system-prompt", "Be kind.", "--title", "Latin", "--set", "temp=0.5"]


@pytest.mark.usefixtures("workplace")
@pytest.mark.parametrize("flags", [[], FLAGS[2:], ["--name", "名前"]])
def test_it_knows_the_size_to_the_byte(model: Path, run: Run, flags: list[str]) -> None:
    ran = run("build", model, "-o", "made", *flags, "--dry-run", "--json")
    assert ran.code == 0, ran.err
    facts = json.loads(ran.out)
    assert names() == []
    assert run("build", model, "-o", "made", *flags).code == 0
    assert facts["size_bytes"] == Path("made").stat().st_size
    with Pack.open("made") as pack:
        packed = [{"name": one.name, "size": one.size} for one in pack.entries[:-1]]
        assert facts["entries"] == packed
        assert facts["settings"] == pack.manifest.settings
        assert facts["brand"] == pack.manifest.brand.wishes


@pytest.mark.usefixtures("workplace")
def test_it_is_told_to_people(model: Path, run: Run) -> None:
    text = run("build", model, *FLAGS, "--dry-run").out
    for line in (
        "Would make:    made\n",
        "Name:          Tiny\n",
        'Settings:      --system-prompt "Be kind.", --temp 0.5\n',
        'Page:          --title "Latin"\n',
        "  model/Tiny Model.gguf\n",
    ):
        assert line in text
    assert text.endswith("\nNothing was written.\n")


def test_a_pack_that_is_there_stays(pack: Path, model: Path, run: Run) -> None:
    before = pack.read_bytes()
    facts = json.loads(run("build", model, "-o", "chat", "--dry-run", "--json").out)
    assert facts["replaces"] is True
    assert "in place of the one that is there" in run("build", model, "-o", "chat", "--dry-run").out
    assert pack.read_bytes() == before


@pytest.mark.usefixtures("workplace")
def test_what_a_build_refuses_it_refuses(model: Path, run: Run) -> None:
    Path("made").write_text("mine")
    ran = run("build", model, "-o", "made", "--dry-run")
    assert (ran.code, "exists and is not a pack" in ran.err) == (1, True)


def test_no_image_is_made_for_it(
    workplace: Path, model: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LLAMAPACK_BUILD_CACHE", str(workplace / "empty"))
    ran = run("build", model, "--dry-run")
    assert (ran.code, "'llamapack runtime build'" in ran.err) == (1, True)


@pytest.mark.usefixtures("workplace")
@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (["host=0.0.0.0"], ["listens on 0.0.0.0", "makes up an API key"]),
        (["host=::", "api-key=a-long-secret"], ["asks for the key", "can read the API key in it"]),
        (["host=127.0.0.1"], []),
    ],
)
def test_what_a_pack_exposes_is_warned_of(
    model: Path, run: Run, settings: list[str], words: list[str]
) -> None:
    flags = [part for one in settings for part in ("--set", one)]
    ran = run("build", model, "--dry-run", *flags)
    assert ran.err.count("Warning: ") == len(words[-1:]) + ("api-key" in " ".join(settings))
    for word in words:
        assert word in ran.err

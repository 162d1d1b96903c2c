"""Packs that are larger than what their system starts: a program, and its archive beside it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from command_line import LAUNCHER, Run, names
from llamapack.targets import table
from llamapack.targets.table import TARGETS
from llamapack.writing.sidecar import sidecar_path
from llamapack_runtime.pack import Pack

END = b"chat.llamapack\x0e\x00llamapack-beside"
SMALL = {"linux-x86_64": replace(TARGETS["linux-x86_64"], max_program_bytes=100_000)}


@pytest.fixture
def limited(monkeypatch: pytest.MonkeyPatch, workplace: Path) -> Mapping[str, object]:  # noqa: ARG001
    """A system that starts nothing larger than 100 kB."""
    monkeypatch.setattr(table, "TARGETS", SMALL)
    return SMALL


@pytest.fixture
def two(limited: Mapping[str, object], model: Path, run: Run) -> Path:  # noqa: ARG001
    assert run("build", model, "-o", "chat.exe").code == 0
    return Path("chat.exe")


def test_windows_starts_less_than_four_gibibytes() -> None:
    limits = {name: target.max_program_bytes for name, target in TARGETS.items()}
    assert limits.pop("windows-x86_64") == 2**32 - 1
    assert set(limits.values()) == {None}


@pytest.mark.parametrize(
    ("program", "archive"),
    [("a/chat.exe", "a/chat.llamapack"), ("v1.5", "v1.5.llamapack"), ("a.EXE", "a.llamapack")],
)
def test_the_archive_lies_where_the_launcher_looks(program: str, archive: str) -> None:
    assert sidecar_path(Path(program)) == Path(archive)


@pytest.mark.usefixtures("limited")
def test_it_is_said_before_and_both_are_there(model: Path, run: Run) -> None:
    ran = run("build", model, "-o", "chat.exe", "--json")
    facts = json.loads(ran.out)
    assert names() == ["chat.exe", "chat.llamapack"]
    assert "it becomes two files, chat.exe and chat.llamapack" in ran.err
    assert Path("chat.exe").read_bytes() == LAUNCHER + END
    assert facts["sidecar"] == str(Path("chat.llamapack").absolute())
    assert facts["size_bytes"] == sum(Path(name).stat().st_size for name in names())
    said = run("build", model, "-o", "chat.exe").out
    assert "Its second file, to be kept beside it: chat.llamapack" in said


def test_both_names_are_the_pack(two: Path, run: Run) -> None:
    for path in (two, sidecar_path(two)):
        assert json.loads(run("inspect", path, "--json").out)["name"] == "Tiny"
        assert run("verify", path, "--full").code == 0
    assert run("config", two, "--set", "temp=0.3").code == 0
    with Pack.open(sidecar_path(two)) as pack:
        assert pack.manifest.settings["temp"] == 0.3
    assert two.read_bytes() == LAUNCHER + END


def test_an_update_keeps_both(two: Path, run: Run) -> None:
    before = sidecar_path(two).read_bytes()
    assert run("update", two, "-o", "other.exe").code == 0
    assert names() == ["chat.exe", "chat.llamapack", "other.exe", "other.llamapack"]
    assert Path("other.llamapack").read_bytes() == before
    ran = run("update", sidecar_path(two))
    assert (ran.code, "Name the program" in ran.err) == (1, True)
    assert sidecar_path(two).read_bytes() == before


def test_a_program_with_another_name_finds_it(two: Path, run: Run) -> None:
    two.rename("chat (1).exe")
    assert json.loads(run("inspect", "chat (1).exe", "--json").out)["name"] == "Tiny"


def test_without_its_archive_a_program_is_no_pack(two: Path, run: Run) -> None:
    sidecar_path(two).unlink()
    assert run("inspect", two).code == 1


@pytest.mark.usefixtures("limited")
def test_a_file_of_somebody_elses_is_not_replaced(model: Path, run: Run) -> None:
    Path("chat.llamapack").write_text("mine")
    ran = run("build", model, "-o", "chat.exe")
    assert (ran.code, "chat.llamapack exists, and the pack needs that name" in ran.err) == (1, True)
    assert names() == ["chat.llamapack"]
    assert run("build", model, "-o", "chat.exe", "--force").code == 0


@pytest.mark.usefixtures("limited")
def test_a_failure_leaves_neither(model: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("llamapack.writing.packwriter._write_end", fail)
    ran = run("build", model, "-o", "chat.exe")
    assert (ran.code, names()) == (1, [])
    assert "disk became full" in ran.err

"""inspect, verify and extract on packs that were cut off or altered anywhere."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from command_line import Run, names
from llamapack_runtime.pack import Pack
from llamapack_runtime.pack.format import TAIL_BYTES

COMMANDS = ["inspect", "verify", "extract"]


def flip(path: Path, offset: int) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([byte ^ 1]))


def places(path: Path) -> dict[str, int]:
    """Where the parts of a pack lie that every command must check."""
    with Pack.open(path) as pack:
        model, last = pack.entries[0], pack.entries[-1]
    size = path.stat().st_size
    return {
        "header": model.header_offset + 5,
        "name": model.header_offset + 32,
        "sum in the header": model.header_offset + 14,
        "manifest": last.data_offset + 20,
        "directory": last.data_offset + last.size + 60,
        "ZIP64 end record": size - TAIL_BYTES + 24,
        "locator": size - TAIL_BYTES + 60,
        "end record": size - TAIL_BYTES + 80,
        "seal": size - 20,
    }


PLACES = [
    "header",
    "name",
    "sum in the header",
    "manifest",
    "directory",
    "ZIP64 end record",
    "locator",
    "end record",
    "seal",
]


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("place", PLACES)
def test_one_altered_bit_is_refused(pack: Path, run: Run, command: str, place: str) -> None:
    flip(pack, places(pack)[place])
    ran = run(command, pack)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith("Error: chat ")
    assert names() == ["chat"]


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("left", [0, 10, 300, 5000, -1])
def test_a_cut_off_pack_is_refused(pack: Path, run: Run, command: str, left: int) -> None:
    os.truncate(pack, left if left >= 0 else pack.stat().st_size + left)
    ran = run(command, pack)
    assert (ran.code, ran.out) == (1, "")
    assert "is not a llamapack file" in ran.err
    assert names() == ["chat"]


def test_altered_weights_are_found_by_verify_and_extract(pack: Path, run: Run) -> None:
    with Pack.open(pack) as opened:
        flip(pack, opened.entries[0].data_offset + 100_000)
    for command in (("verify", "--full"), ("extract",)):
        ran = run(*command, pack)
        assert (ran.code, ran.out) == (1, "")
        assert "'model/Tiny Model.gguf' does not match its check sum" in ran.err
    assert run("extract", pack, "licenses/a.txt").code == 0
    assert names() == ["a.txt", "chat"]


def test_a_whole_pack_passes(pack: Path, run: Run) -> None:
    assert "chat is intact: 5 entries, read none" in run("verify", pack).out
    assert "chat is intact: 5 entries, all " in run("verify", pack, "--full").out
    facts = json.loads(run("verify", pack, "--full", "--json").out)
    assert (facts["intact"], facts["signed_by"]) == (True, None)


def test_an_altered_launcher_is_found(pack: Path, run: Run) -> None:
    flip(pack, 5)
    assert run("verify", pack).code == 0
    ran = run("verify", pack, "--full")
    assert (ran.code, "the launcher does not match its check sum" in ran.err) == (1, True)


def test_inspect_shows_what_the_packer_wrote(pack: Path, run: Run) -> None:
    ran = run("inspect", pack)
    assert ran.code == 0
    for part in (
        "Tiny",
        "llama",
        "F32",
        "512 tokens",
        "mit",
        "glibc 2.28",
        "model/Tiny Model.gguf",
    ):
        assert part in ran.out
    facts = json.loads(run("inspect", pack, "--json").out)
    assert facts["size_bytes"] == pack.stat().st_size
    assert facts["entries"][0]["offset"] == 65536


def test_extract_gives_the_same_bytes(pack: Path, model: Path, run: Run) -> None:
    assert run("extract", pack).code == 0
    assert Path("Tiny Model.gguf").read_bytes() == model.read_bytes()
    assert Path("Tiny Model.gguf").stat().st_mode & 0o777 == 0o644


def test_extract_writes_where_it_is_told(pack: Path, run: Run) -> None:
    Path("folder").mkdir()
    assert run("extract", pack, "licenses/b.txt", "-o", "folder").code == 0
    assert run("extract", pack, "licenses/a.txt", "-o", "folder/c").code == 0
    assert Path("folder/b.txt").read_text() == "second"
    assert Path("folder/c").read_text() == "first"


def test_extract_replaces_only_by_force(pack: Path, run: Run) -> None:
    Path("a.txt").write_text("mine")
    ran = run("extract", pack, "licenses/a.txt")
    assert ran.code == 1
    assert "--force" in ran.err
    assert Path("a.txt").read_text() == "mine"
    assert run("extract", pack, "licenses/a.txt", "--force").code == 0
    assert Path("a.txt").read_text() == "first"


def test_extract_never_writes_over_the_pack(pack: Path, run: Run) -> None:
    ran = run("extract", pack, "-o", pack, "--force")
    assert ran.code == 1
    assert "is the pack itself" in ran.err
    Pack.open(pack).close()


def test_an_unknown_entry_is_answered_with_the_known_ones(pack: Path, run: Run) -> None:
    ran = run("extract", pack, "model")
    assert ran.code == 1
    assert "no entry 'model'" in ran.err
    assert "licenses/a.txt" in ran.err


@pytest.mark.parametrize("command", COMMANDS)
def test_a_file_that_is_not_there(workplace: Path, run: Run, command: str) -> None:
    ran = run(command, workplace / "none")
    assert ran.code == 1
    assert "No such file or directory" in ran.err

"""`llamapack build`: what it makes, and that other tools read it."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

from command_line import LAUNCHER, Run, names
from llamapack.build import pack_id
from llamapack.models import entry_file_name
from llamapack_runtime.pack import Pack
from llamapack_runtime.settings import read_settings
from make_gguf import make_gguf


def test_it_makes_an_executable_named_after_the_model(
    workplace: Path, model: Path, run: Run
) -> None:
    ran = run("build", model)
    made = workplace / "Tiny Model"
    assert ran.code == 0
    assert made.stat().st_mode & 0o777 == 0o755
    assert "Start it with: './Tiny Model'" in ran.out
    assert names(workplace) == ["Tiny Model"]
    assert made.read_bytes().startswith(LAUNCHER)
    started = subprocess.run([made], capture_output=True, check=False, text=True)
    assert started.stdout == "started\n"


def test_the_manifest_says_what_is_inside(pack: Path, model: Path) -> None:
    with Pack.open(pack) as opened:
        manifest, entries = opened.manifest, opened.entries
    model_sha256 = hashlib.sha256(model.read_bytes()).hexdigest()
    assert [entry.name for entry in entries] == [
        "model/Tiny Model.gguf",
        "runtime/linux-x86_64.tar.zst",
        "licenses/a.txt",
        "licenses/b.txt",
        "manifest.json",
    ]
    assert entries[0].sha256 == model_sha256
    assert entries[0].data_offset % 65536 == 0
    assert manifest.name == manifest.model.name == "Tiny"
    assert manifest.model.entry == entries[0].name
    assert manifest.model.quantization == "F32"
    assert manifest.model.license == "mit"
    assert manifest.model.has_chat_template
    assert manifest.runtime.glibc_floor == "2.28"
    assert manifest.runtime.key == "0123456789abcdef"
    assert manifest.pack_id == pack_id(model_sha256, "Tiny", {})


def test_the_same_inputs_give_the_same_bytes(pack: Path, model: Path, run: Run) -> None:
    copy = pack.parent / "elsewhere" / model.name
    copy.parent.mkdir()
    shutil.copyfile(model, copy)
    assert run("build", copy, "-o", "again").code == 0
    assert (pack.parent / "again").read_bytes() == pack.read_bytes()


def test_the_name_changes_the_pack_id(pack: Path, model: Path, run: Run) -> None:
    result = json.loads(run("build", model, "-o", "other", "--name", " Überall ", "--json").out)
    with Pack.open(pack) as first, Pack.open(pack.parent / "other") as second:
        assert second.manifest.name == result["name"] == "Überall"
        assert second.manifest.pack_id == result["pack_id"] != first.manifest.pack_id


def test_a_system_prompt_is_packed(pack: Path, model: Path, run: Run) -> None:
    prompt = 'Say "hé" twice.\nThen stop.'
    assert run("build", model, "-o", "told", "--system-prompt", prompt).code == 0
    with Pack.open(pack) as plain, Pack.open(pack.parent / "told") as told:
        assert dict(plain.manifest.settings) == {}
        assert dict(told.manifest.settings) == {"system-prompt": prompt}
        assert read_settings(told.manifest.settings, {}, []).system_prompt == prompt
        assert told.manifest.pack_id != plain.manifest.pack_id


def test_a_system_prompt_from_a_file_is_its_text(pack: Path, model: Path, run: Run) -> None:
    (pack.parent / "prompt.txt").write_bytes(b"\xef\xbb\xbfBe kind.\r\nAlways.\r\n")
    assert run("build", model, "-o", "told", "--system-prompt-file", "prompt.txt").code == 0
    with Pack.open(pack.parent / "told") as told:
        assert dict(told.manifest.settings) == {"system-prompt": "Be kind.\nAlways."}


def test_the_longest_system_prompt_is_one_that_the_runtime_takes(
    pack: Path, model: Path, run: Run
) -> None:
    (pack.parent / "prompt.txt").write_text("x" * (2**20 - 2))
    assert run("build", model, "-o", "told", "--system-prompt-file", "prompt.txt").code == 0
    with Pack.open(pack.parent / "told") as told:
        assert read_settings(told.manifest.settings, {}, []).system_prompt == "x" * (2**20 - 2)


def test_inspect_shows_what_a_pack_sets(pack: Path, model: Path, run: Run) -> None:
    assert "Settings:      none\n" in run("inspect", pack).out
    run("build", model, "-o", "told", "--system-prompt", "Be kind." + "\x1b" * 3)
    assert 'Settings:      --system-prompt "Be kind.' in run("inspect", "told").out
    assert "\x1b" not in run("inspect", "told").out
    run("build", model, "-o", "told", "--system-prompt", "y" * 5000)
    lines = run("inspect", "told").out.splitlines()
    assert any(line.endswith('yyy…" (5,002 characters)') for line in lines)
    assert max(map(len, lines)) < 300


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"\n", "is empty"),
        (b"a\0b", "zero character"),
        (b"caf\xe9", "prompt.txt is not UTF-8 text"),
        (b"x" * 2**20, "takes more than the 1,048,576 bytes"),
        (b"\x01" * 2**19, "takes more than the 1,048,576 bytes"),
        (None, "prompt.txt cannot be read: No such file"),
    ],
)
def test_what_is_no_system_prompt_is_refused(
    workplace: Path, model: Path, run: Run, content: bytes | None, words: str
) -> None:
    if content is not None:
        (workplace / "prompt.txt").write_bytes(content)
    ran = run("build", model, "-o", "told", "--system-prompt-file", "prompt.txt")
    assert ran.code == 1
    assert words in ran.err
    assert not (workplace / "told").exists()


def test_a_system_prompt_comes_from_one_place(run: Run, model: Path) -> None:
    ran = run("build", model, "--system-prompt", "a", "--system-prompt-file", "b")
    assert (ran.code, "not both" in ran.err) == (2, True)


def test_json_tells_the_result(workplace: Path, model: Path, run: Run) -> None:
    result = json.loads(run("build", model, "-o", "chat", "--json").out)
    assert result["path"] == str(workplace / "chat")
    assert result["size_bytes"] == (workplace / "chat").stat().st_size
    assert result["model_bytes"] == model.stat().st_size
    assert result["warnings"] == []


@pytest.mark.filterwarnings("error")
def test_zipfile_reads_it(pack: Path, model: Path) -> None:
    with zipfile.ZipFile(pack) as archive:
        assert archive.testzip() is None
        assert archive.read("model/Tiny Model.gguf") == model.read_bytes()
        assert {info.compress_type for info in archive.infolist()} == {zipfile.ZIP_STORED}


@pytest.mark.parametrize("flags", [["-l"], ["-t"], ["-Z", "-v"]])
def test_unzip_reads_it_without_a_warning(pack: Path, flags: list[str]) -> None:
    if shutil.which("unzip") is None:
        pytest.skip("unzip is not installed")
    ran = subprocess.run(["unzip", *flags, pack], capture_output=True, check=False, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert ran.stderr == ""
    assert "warning" not in ran.stdout


def test_an_older_pack_is_replaced(pack: Path, model: Path, run: Run) -> None:
    old = pack.stat().st_ino
    with pack.open("rb") as running:
        assert run("build", model, "-o", "chat", "--name", "New").code == 0
        assert pack.stat().st_ino != old
        assert running.read(len(LAUNCHER)) == LAUNCHER


def test_another_file_is_replaced_only_by_force(workplace: Path, model: Path, run: Run) -> None:
    (workplace / "notes").write_text("mine")
    ran = run("build", model, "-o", "notes")
    assert (ran.code, (workplace / "notes").read_text()) == (1, "mine")
    assert "--force" in ran.err
    assert run("build", model, "-o", "notes", "--force").code == 0
    Pack.open(workplace / "notes").close()


def test_without_a_chat_template_it_warns_and_builds(workplace: Path, run: Run) -> None:
    bare = make_gguf(workplace / "bare.gguf", chat_template=None)
    ran = run("build", bare)
    assert ran.code == 0
    assert ran.err.startswith("Warning: This model has no chat template")
    assert "ChatML" in ran.err
    with Pack.open(workplace / "bare") as opened:
        assert not opened.manifest.model.has_chat_template


def test_nothing_of_the_terminal_appears_without_one(pack: Path, model: Path, run: Run) -> None:
    ran = run("build", model, "-o", pack)
    assert ran.err == ""
    assert "\x1b" not in ran.out


@pytest.mark.parametrize(
    ("stem", "stored"),
    [
        ("plain", "plain.gguf"),
        ("héllo wörld", "héllo wörld.gguf"),
        ('a:b\\c"<d>?', "a_b_c__d__.gguf"),
        (".", "model.gguf"),
        ("bad\udcff\x1b", "bad_\N{REPLACEMENT CHARACTER}.gguf"),
        ("x" * 300, "x" * 150 + ".gguf"),
    ],
)
def test_a_model_is_stored_under_a_name_for_every_system(stem: str, stored: str) -> None:
    assert entry_file_name(stem) == stored

"""`llamapack build --bake`, with a launcher that stands in for the runtime in the pack: what it is
given, what becomes of what it writes, and what is left when it fails."""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from command_line import Run, names
from llamapack.errors import SettingError
from llamapack.image import store
from llamapack.inputs.file import from_file
from llamapack.options import BuildOptions
from llamapack_runtime.pack import Pack

# The shell reads no further than to `exit`, and so not the archive behind it.
LAUNCHER = """#!/bin/sh
[ "$1" = --bake-state ] || exit 9
{commands}
exit 0
"""
WELL = 'echo "It has 3 tokens."; echo "Read it."; printf "the state" > "$2"'
STATE = "state/system.state"

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the target is Linux")


def add_image(folder: Path, commands: str) -> None:
    """Put an image into the cache, newer than the others, with such a launcher."""
    made = folder / "made"
    (made / "licenses").mkdir(parents=True)
    (made / "licenses" / "a.txt").write_text("as is")
    (made / "runtime.tar.zst").write_bytes(b"the runtime")
    (made / "launcher").write_text(LAUNCHER.format(commands=commands))
    facts = {
        "glibc_floor": "2.28",
        "versions": {"llama-cpp-python": "0.3.36"},
        "architectures": ["llama"],
    }
    store.write_facts(made, "linux-x86_64", "fedcba9876543210", facts)
    store.export_image(store.load_image(made), folder / "file.image")
    store.add_image(folder / "file.image")


@pytest.fixture
def baking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder; the cache holds no image, and the temporary folder nothing."""
    monkeypatch.setenv("LLAMAPACK_BUILD_CACHE", str(tmp_path / "build cache"))
    for name in ("tmp", "work"):
        (tmp_path / name).mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    monkeypatch.setattr("tempfile.tempdir", None)  # forget the one that was looked up before
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path


def bake(model: Path, run: Run, output: str = "chat") -> str:
    """What it said while it worked."""
    ran = run("build", model, "-o", output, "--system-prompt", "Be kind.", "--bake")
    assert ran.code == 0, ran.err
    return ran.err


def test_the_state_becomes_an_entry(baking: Path, model: Path, run: Run) -> None:
    add_image(baking, WELL)
    assert bake(model, run) == "It has 3 tokens.\nRead it.\n"
    with Pack.open("chat") as pack:
        assert pack.manifest.state == STATE
        assert [entry.name for entry in pack.entries][-2:] == [STATE, "manifest.json"]
        assert pack.read(STATE, 100) == b"the state"
        assert pack.entry(STATE).sha256 == hashlib.sha256(b"the state").hexdigest()
        assert dict(pack.manifest.settings) == {"system-prompt": "Be kind."}
    assert names() == ["chat"]
    assert names(baking / "tmp") == []


def test_other_commands_know_it(baking: Path, model: Path, run: Run) -> None:
    add_image(baking, WELL)
    bake(model, run)
    assert "Prompt state:  state/system.state, 9 bytes\n" in run("inspect", "chat").out
    assert json.loads(run("inspect", "chat", "--json").out)["state"] == STATE
    assert run("verify", "chat", "--full").code == 0
    assert run("extract", "chat", STATE).code == 0
    assert Path("system.state").read_bytes() == b"the state"
    whole = Path("chat").read_bytes()
    Path("chat").write_bytes(whole.replace(b"the state", b"the skate"))
    ran = run("verify", "chat", "--full")
    assert (ran.code, f"'{STATE}' does not match" in ran.err) == (1, True)


def test_json_tells_its_size(baking: Path, model: Path, run: Run) -> None:
    add_image(baking, WELL)
    flags = ("--system-prompt", "Be kind.", "--json")
    assert json.loads(run("build", model, "-o", "plain", *flags).out)["state_bytes"] == 0
    result = json.loads(run("build", model, "-o", "baked", *flags, "--bake").out)
    assert result["state_bytes"] == len(b"the state")
    assert result["size_bytes"] == Path("baked").stat().st_size


def test_without_it_the_pack_names_none(baking: Path, model: Path, run: Run) -> None:
    add_image(baking, "exit 9")
    assert run("build", model, "-o", "chat", "--system-prompt", "Be kind.").code == 0
    assert "Prompt state:  not packed\n" in run("inspect", "chat").out


def test_the_same_inputs_give_the_same_bytes(baking: Path, model: Path, run: Run) -> None:
    add_image(baking, WELL)
    for name in ("one", "two"):
        bake(model, run, name)
    assert Path("one").read_bytes() == Path("two").read_bytes()


def test_the_pack_that_is_started_is_whole(baking: Path, model: Path, run: Run) -> None:
    verify = f'{shlex.quote(sys.executable)} -m llamapack verify --full "$0" || exit 1'
    add_image(baking, f"{verify}\n{WELL}")
    assert " is intact: 4 entries" in bake(model, run)


def test_nothing_of_the_packer_reaches_it(
    baking: Path, model: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LLAMAPACK_CTX_SIZE", "256")
    monkeypatch.setenv("LLAMAPACK_CACHE_DIR", "/mine")
    monkeypatch.setenv("DISPLAY", ":0")
    add_image(baking, 'env > "$2"')
    bake(model, run)
    with Pack.open("chat") as pack:
        seen = pack.read(STATE, 1 << 20).decode().splitlines()
    ours = [line for line in seen if line.startswith(("LLAMAPACK_", "DISPLAY="))]
    assert len(ours) == 1
    assert ours[0].startswith(f"LLAMAPACK_CACHE={baking / 'tmp'}/")


@pytest.mark.parametrize(
    ("commands", "words"),
    [
        ("echo first >&2; echo 'It is too long.' >&2; exit 5", "computed: It is too long. Nothing"),
        ('printf half > "$2"; kill -9 $$', "the pack ended with signal 9. Nothing"),
        ("exit 3", "the pack ended with 3. Nothing"),
        ("exit 0", "the pack wrote no state (No such file or directory). Nothing"),
        ("printf 'a\\033[2Jb' >&2; exit 1", "a\N{REPLACEMENT CHARACTER}[2Jb. Nothing"),
    ],
)
def test_a_pack_that_cannot_do_it_leaves_nothing(
    baking: Path, model: Path, run: Run, commands: str, words: str
) -> None:
    add_image(baking, commands)
    Path("chat").write_text("older")
    flags = ("--system-prompt", "Be kind.", "--bake", "--force")
    ran = run("build", model, "-o", "chat", *flags)
    assert (ran.code, ran.out) == (1, "")
    assert words in ran.err
    assert ran.err.startswith("Error: The system prompt's state could not be computed: ")
    assert (names(), names(baking / "tmp")) == (["chat"], [])
    assert Path("chat").read_text() == "older"


def test_a_pack_that_cannot_be_started_is_one_sentence(baking: Path, model: Path, run: Run) -> None:
    add_image(baking, WELL)
    [launcher] = baking.glob("build cache/images/*/launcher")
    launcher.write_text("#!/nowhere/sh\n")
    ran = run("build", model, "-o", "chat", "--system-prompt", "Be kind.", "--bake")
    assert ran.code == 1
    assert "the pack cannot be started here (No such file or directory)" in ran.err
    assert names() == []


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("is_deaf", [False, True])
def test_an_interrupted_one_leaves_nothing(
    baking: Path, model: Path, number: int, code: int, is_deaf: bool
) -> None:
    deaf = "trap '' INT TERM; " if is_deaf else ""
    add_image(baking, f"{deaf}echo $$; while :; do sleep 0.05; done")
    process = subprocess.Popen(
        [sys.executable, "-m", "llamapack", "build", model, "--system-prompt", "x", "--bake"],
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stderr is not None
        child = int(process.stderr.readline())
        process.send_signal(number)
        assert process.wait(30) == code
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)
    assert (names(), names(baking / "tmp")) == ([], [])


def test_it_needs_a_prompt(run: Run, model: Path) -> None:
    ran = run("build", model, "--bake")
    assert (ran.code, "--bake needs a --system-prompt" in ran.err) == (2, True)


def test_a_pack_for_another_computer_is_not_baked_here(tmp_path: Path, model: Path) -> None:
    with pytest.raises(SettingError, match="A pack for windows-x86_64 cannot be started on this"):
        BuildOptions(
            from_file(model), tmp_path / "chat", "windows-x86_64", system_prompt="x", bake=True
        )

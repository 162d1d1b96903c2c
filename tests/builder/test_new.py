"""`llamapack new`: with answers on a terminal, and with flags where there is none."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from command_line import Run, names
from llamapack.new.questions import QUESTIONS
from llamapack.presets.reader import read_preset
from llamapack_runtime.pack import Brand, Pack

SVG = b"<svg xmlns='http://www.w3.org/2000/svg'/>"
FLAGS = [
    *("--name", "Latin", "--author", "M. Varro", "--system-prompt", "You teach Latin."),
    *("--prompt", "Conjugate.", "--prompt", "It's 'quoted'", "--color", "#7a4f1a"),
]


def answered(answers: list[str], *arguments: str | Path) -> tuple[int, str]:
    """The exit code, and what stood on the terminal; `answers` are typed into it."""
    if sys.platform == "win32":
        pytest.skip("terminals of this kind are a matter of POSIX")
    import pty  # not there on Windows

    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "llamapack", "new", *arguments],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, "NO_COLOR": "1", "COLUMNS": "200"},
    )
    os.close(theirs)
    os.write(ours, "".join(f"{answer}\n" for answer in answers).encode())
    watchdog = threading.Timer(60, process.kill)
    watchdog.start()
    shown = b""
    with os.fdopen(ours, "rb", buffering=0) as reader:
        try:
            while part := reader.read(4096):
                shown += part
        except OSError:  # how Linux says that the other side has closed
            pass
    watchdog.cancel()
    return process.wait(), shown.decode()


def test_answers_become_a_pack(workplace: Path, model: Path) -> None:
    (workplace / "owl.svg").write_bytes(SVG)
    answers = [
        *("none.gguf", str(model)),  # asked for again
        *("Latin teacher", "Reads Caesar.", "", "You teach Latin.", "Salve!"),
        *("Conjugate amare.", ""),
        *("brown", "#7a4f1a", "owl.svg", "latin", "y", "latin.toml", "y"),
    ]
    code, shown = answered(answers)
    assert code == 0, shown
    assert names() == ["latin", "latin.readme.html", "latin.toml", "owl.svg"]
    with Pack.open("latin") as pack:
        assert pack.manifest.name == "Latin teacher"
        assert pack.manifest.settings == {"system-prompt": "You teach Latin."}
        assert pack.manifest.brand == Brand(
            color="#7a4f1a",
            logo="brand/logo.svg",
            welcome="Salve!",
            prompts=("Conjugate amare.",),
            description="Reads Caesar.",
        )
    assert "none.gguf" in shown
    assert "--color must be a colour such as #1a7f5a, not 'brown'." in shown
    command = f"llamapack build {shlex.quote(str(model))} -o latin --readme --preset latin.toml"
    assert f"  {command}\r\n" in shown
    assert read_preset(Path("latin.toml")).flags["logo"] == Path("owl.svg")
    assert Path("latin.toml").read_text().startswith("#:schema preset.schema.json\npreset = 1\n")


def test_a_model_of_this_folder_is_offered(workplace: Path, model: Path) -> None:
    (workplace / "here.gguf").write_bytes(model.read_bytes())
    code, shown = answered([""] * 12 + ["n"])
    assert (code, "[here.gguf]" in shown) == (0, True), shown
    assert "Tiny" in shown
    assert names() == ["here.gguf"]


@pytest.mark.usefixtures("workplace")
def test_what_is_given_is_not_asked(model: Path) -> None:
    flags = [part for name in QUESTIONS if name != "logo" for part in _flag(name)]
    code, shown = answered(["", ""], model, *flags, "-o", "made", "--no-readme", "--no-build")
    assert code == 0, shown
    assert "The page's picture" in shown
    assert "Who made it" not in shown
    assert names() == []


def _flag(name: str) -> tuple[str, str]:
    return ("--prompt" if name == "prompts" else f"--{name}", "#123456" if name == "color" else "x")


@pytest.mark.usefixtures("workplace")
def test_flags_alone_make_a_pack(model: Path, run: Run) -> None:
    ran = run("new", model, "-o", "made", *FLAGS, "--yes")
    assert ran.code == 0
    command = ran.err.split("\n")[1].strip()
    assert run(*shlex.split(command)[1:3], "-o", "again", *shlex.split(command)[5:]).code == 0
    assert Path("made").read_bytes() == Path("again").read_bytes()
    with Pack.open("made") as pack:
        assert pack.manifest.brand.prompts == ("Conjugate.", "It's 'quoted'")


@pytest.mark.usefixtures("workplace")
def test_a_preset_can_be_kept_elsewhere(model: Path, run: Run) -> None:
    Path("owl.svg").write_bytes(SVG)
    Path("presets").mkdir()
    flags = ["--logo", "owl.svg", "--save-preset", "presets/latin.toml", "--no-build"]
    assert run("new", model, *FLAGS, *flags).code == 0
    preset = read_preset(Path("presets/latin.toml"))
    assert preset.flags["logo"].resolve() == Path("owl.svg").resolve()
    assert preset.flags["prompts"] == ("Conjugate.", "It's 'quoted'")
    ran = run("new", model, *FLAGS, "--save-preset", "presets/latin.toml")
    assert (ran.code, "exists; name another file" in ran.err) == (1, True)
    assert names() == ["owl.svg", "presets"]


@pytest.mark.usefixtures("workplace")
@pytest.mark.parametrize(
    ("flags", "words", "code"),
    [
        ([], "Name a MODEL", 2),
        (["none.gguf"], "none.gguf", 1),
        (["MODEL", "--color", "brown"], "--color must be a colour", 1),
        (["MODEL", "--prompt", "x" * 201], "--prompt may have 200 characters at most", 1),
        (["MODEL", "--logo", "none.svg"], "--logo: there is no file none.svg", 1),
    ],
)
def test_wrong_flags_are_a_sentence(
    model: Path, run: Run, flags: list[str], words: str, code: int
) -> None:
    ran = run("new", *(str(model) if flag == "MODEL" else flag for flag in flags))
    assert (ran.code, ran.out) == (code, "")
    assert words in ran.err
    assert names() == []


@pytest.mark.usefixtures("workplace")
def test_an_end_of_input_at_a_question_leaves_nothing(model: Path) -> None:
    code, shown = answered(["Latin", "\x04"], model)
    assert (code, "Stopped." in shown) == (130, True), shown
    assert names() == []

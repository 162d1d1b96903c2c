"""Shell completion, asked for as each shell asks, and in a real shell where there is one."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from command_line import Run
from llamapack.cli import COMMANDS, SUMMARIES


def completed(*words: str, environment: dict[str, str] | None = None) -> list[str]:
    """What bash would be told about the last word: "plain,build" or "file,x"."""
    ran = subprocess.run(
        [sys.executable, "-m", "llamapack"],
        env={
            **os.environ,
            "_LLAMAPACK_COMPLETE": "bash_complete",
            "COMP_WORDS": shlex.join(["llamapack", *words]),
            "COMP_CWORD": str(len(words)),
            **(environment or {}),
        },
        capture_output=True,
        check=False,
        text=True,
    )
    assert ran.stderr == ""
    return ran.stdout.splitlines()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["bui"], ["plain,build"]),
        (["completion", ""], ["plain,bash", "plain,zsh", "plain,fish"]),
        (["build", "--qui"], ["plain,--quit-when-closed"]),
        (["build", "mod"], ["file,mod"]),
        (["doctor", "mod"], ["file,mod"]),
        (["new", "mod"], ["file,mod"]),
        (["build", "x", "-o", "ch"], ["file,ch"]),
        (["build", "x", "--target", "l"], ["plain,linux-x86_64", "plain,linux-aarch64"]),
        (["build", "x", "--target", "linux-x86_64,linux-a"], ["plain,linux-x86_64,linux-aarch64"]),
        (["build", "x", "--set", "ctx"], ["plain,ctx-size"]),
        (["build", "x", "--quantize", "q5_k"], ["plain,Q5_K_M", "plain,Q5_K_S"]),
        (["runtime", "wh"], ["plain,wheel"]),
    ],
)
def test_words_are_completed(words: list[str], told: list[str]) -> None:
    assert completed(*words) == told


def test_every_command_is_offered_and_none_imported() -> None:
    assert completed("") == [f"plain,{name}" for name in COMMANDS]
    assert list(SUMMARIES) == list(COMMANDS)


def test_a_preset_that_is_typed_is_not_read() -> None:
    assert completed("build", "--preset", "none.toml", "--titl") == ["plain,--title"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_a_script(run: Run, shell: str) -> None:
    ran = run("completion", shell)
    assert ran.code == 0
    assert "_LLAMAPACK_COMPLETE" in ran.out


def test_another_shell_is_wrong_usage(run: Run) -> None:
    ran = run("completion", "bsh")
    assert ran.code == 2
    assert "'bsh' is none of bash, zsh, fish. Did you mean 'bash'?" in ran.err


def test_misspelt_words_are_suggested_everywhere(run: Run) -> None:
    ran = run("runtime", "biuld")
    assert (ran.code, "There is no command 'biuld'. Did you mean 'build'?" in ran.err) == (2, True)
    ran = run("build", "x.gguf", "--target", "linux-x86-64")
    assert (ran.code, "Did you mean 'linux-x86_64'?" in ran.err) == (2, True)


def in_shell(name: str, script: str, folder: Path) -> str:
    """What `script` prints in a shell that finds a program llamapack in `folder`."""
    shell = shutil.which(name)
    if shell is None:
        pytest.skip(f"there is no {name} here")
    program = folder / "llamapack"
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m llamapack "$@"\n')
    program.chmod(0o755)
    path = f"{folder}:{os.environ['PATH']}"
    flags = {"bash": ["--norc"], "zsh": ["-f"], "fish": ["--no-config"]}[name]
    ran = subprocess.run(
        [shell, *flags, "-c", script],
        env={**os.environ, "PATH": path, "HOME": str(folder)},
        cwd=folder,
        capture_output=True,
        check=True,
        text=True,
        timeout=60,
    )
    return ran.stdout.strip()


def test_bash_completes(tmp_path: Path) -> None:
    script = (
        'eval "$(llamapack completion bash)"\n'
        "COMP_WORDS=(llamapack verif); COMP_CWORD=1\n"
        "$(complete -p llamapack | sed 's/.*-F \\([^ ]*\\).*/\\1/') llamapack\n"
        'echo "${COMPREPLY[@]}"'
    )
    assert in_shell("bash", script, tmp_path) == "verify"


def test_zsh_completes(tmp_path: Path) -> None:
    script = (
        # What its completion system would do with the answer; it may not be installed whole.
        "compdef() { : }\n"
        '_describe() { print -r -- "${(P)3}" }\n'
        'eval "$(llamapack completion zsh)"\n'
        "words=(llamapack verif); CURRENT=2; _llamapack_completion; true"
    )
    told = "verify:Check a pack: whole, unaltered, signed."
    assert in_shell("zsh", script, tmp_path) == told


def test_fish_completes(tmp_path: Path) -> None:
    script = 'llamapack completion fish | source; complete -C "llamapack verif"'
    assert "verify" in in_shell("fish", script, tmp_path)

"""The process with real libraries and a real model: ready, answering, and ended in every state."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

import needs
from runtime.launch.processes import COMMAND, Home, Running, double_clicked, run, running
from runtime.launch.small_pack import write_pack

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(180),
    pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc"),
    needs.LIBRARIES_AND_MODEL,
]
QUESTION = {"messages": [{"role": "user", "content": "What is 2+2?"}]}
STORY = {"messages": [{"role": "user", "content": "Tell a long story."}], "stream": True}
# Given, so that nothing is measured: these tests are about the process.
FIXED = ("--no-browser", "--threads", "2")


@pytest.fixture
def variables() -> dict[str, str]:
    return {
        "LLAMAPACK_LIBRARIES": os.environ["LLAMAPACK_TEST_LIBRARIES"],
        "LLAMAPACK_MODEL": os.environ["LLAMAPACK_TEST_MODEL"],
    }


@pytest.fixture
def program(home: Home, free_port: int, variables: dict[str, str]) -> Iterator[Running]:
    """Ready to chat."""
    with running(home, free_port, *FIXED, **variables) as started:
        started.wait_for("/health", {200})
        yield started


def group_members(group: int) -> list[str]:
    """Names of the living processes of a group."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, _, rest = stat.read_text().rpartition(")")
        except OSError:
            continue
        if int(rest.split()[2]) == group and rest.split()[0] != "Z":
            found.append(name)
    return found


def assert_gone(program: Running, home: Home) -> None:
    assert group_members(program.process.pid) == []
    assert list((home.root / "tmp").iterdir()) == []
    assert list((home.root / "data").rglob("*.json")) == []
    assert "Traceback" not in program.printed


def test_it_chats_and_ends(program: Running, home: Home) -> None:
    body = QUESTION | {"temperature": 0, "max_tokens": 24}
    reply = httpx.post(
        f"{program.url}/v1/chat/completions", json=body, trust_env=False, timeout=60
    ).json()
    assert "4" in reply["choices"][0]["message"]["content"]
    info = program.get("/llamapack/info").json()
    assert info["state"] == "ready"
    assert info["hardware"].endswith("2 threads")
    assert program.stop() == 0
    assert_gone(program, home)


@pytest.mark.parametrize(("how", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 0)])
def test_a_signal_ends_an_answer(
    program: Running, home: Home, how: signal.Signals, code: int
) -> None:
    url = f"{program.url}/v1/chat/completions"
    with httpx.stream("POST", url, json=STORY, trust_env=False, timeout=60) as reply:
        lines = reply.iter_lines()
        for _ in range(6):
            next(lines)
        assert program.stop(how) == code
        last = [line for line in lines if line][-1]
    assert json.loads(last.removeprefix("data: "))["error"]["code"] == "shutting_down"
    assert_gone(program, home)


def test_a_signal_ends_the_reading_of_a_long_prompt(program: Running, home: Home) -> None:
    body = {"prompt": "word " * 7000, "stream": True}
    url = f"{program.url}/v1/completions"
    with httpx.stream("POST", url, json=body, trust_env=False, timeout=60) as reply:
        assert reply.status_code == 200
        assert program.stop() == 0
    assert_gone(program, home)


def test_quit_ends_it(program: Running, home: Home) -> None:
    httpx.post(f"{program.url}/llamapack/quit", json={}, trust_env=False).raise_for_status()
    assert program.wait() == 0
    assert_gone(program, home)


@pytest.mark.parametrize("stage", ["probing", "loading", "warming"])
def test_a_signal_ends_it_while_it_loads(
    home: Home, free_port: int, variables: dict[str, str], stage: str
) -> None:
    """The stages are short: a later one, or none at all, is as good a moment."""
    with running(home, free_port, "--no-browser", **variables) as program:
        for _ in range(2000):
            answer = program.get("/health").json()
            if answer.get("loading", {"stage": "ready"})["stage"] in (stage, "ready"):
                break
        assert program.stop() == 0
        assert_gone(program, home)


def test_info_says_what_and_why(home: Home, variables: dict[str, str]) -> None:
    facts = json.loads(run(home, "--info", "--json", **variables).stdout)
    assert facts["cpu"]["variant"] in facts["cpu"]["why"]
    assert facts["memory"]["needed_bytes"] < facts["memory"]["free_bytes"]
    assert run(home, "--info", **variables).stdout.startswith("name: ")


def test_a_context_that_does_not_fit_is_refused_with_numbers(
    home: Home, variables: dict[str, str]
) -> None:
    result = run(home, *FIXED, "--port", "0", "-c", "2147483647", **variables)
    assert result.returncode == 5
    assert "try --ctx-size" in result.stderr
    assert "Traceback" not in result.stderr


def test_an_unknown_cpu_variant_is_refused(home: Home, variables: dict[str, str]) -> None:
    result = run(home, *FIXED, "--port", "0", "--cpu-variant", "z80", **variables)
    assert result.returncode == 5
    assert "z80" in result.stderr


def test_a_processor_that_runs_no_variant_is_told_on_the_page(
    home: Home, variables: dict[str, str]
) -> None:
    """Of the libraries all are there but those of the processors; they are of no kind."""
    pack = write_pack(home.root / "chat", model=Path(variables["LLAMAPACK_MODEL"]).read_bytes())
    libraries = Path(home.environment["LLAMAPACK_LIBRARIES"])
    for path in Path(variables["LLAMAPACK_LIBRARIES"]).iterdir():
        if path.name.startswith("libggml-cpu-"):
            (libraries / path.name).write_bytes(b"no library")
        else:
            (libraries / path.name).symlink_to(path)
    with double_clicked(home, LLAMAPACK_PACK=str(pack)) as program:
        while "failed" not in (failed := program.wait_for("/health", {503}).json()):
            pass
        assert failed["code"] == "cpu"
        assert failed["failed"].endswith("Try it on another computer.")
        report = program.get("/llamapack/report").text
        assert "The variant x64: crashed" in report
        assert str(home.root) not in report


@pytest.mark.parametrize("kilobytes", [250_000, 400_000])
def test_memory_that_the_system_refuses_is_told_on_the_page(
    home: Home, free_port: int, variables: dict[str, str], kilobytes: int
) -> None:
    """Too little for the weights, and for the cache."""
    limited = ["sh", "-c", f'ulimit -v {kilobytes}; exec "$@"', "sh", *COMMAND]
    desktop = {**variables, **home.write_opener()}
    with running(home, free_port, "--threads", "2", command=limited, **desktop) as program:
        while "failed" not in (failed := program.wait_for("/health", {503}).json()):
            pass
        assert failed["code"] == "memory"
        assert failed["failed"].startswith("There is not enough free memory for the model (")
        assert program.get("/llamapack/report").status_code == 200

"""A recipient starts the pack in every odd way, and stops it in every way there is."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
from pathlib import Path

import httpx
import pytest

from running_pack import chat, clean_environment, free_port, running, spawn

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


def children(group: int) -> list[int]:
    """Process ids of a process group that are still alive (zombies aside)."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[2]) == group and fields[0] != "Z":
            found.append(int(stat.parent.name))
    return found


def test_it_answers_and_leaves_nothing_behind(pack: Path, home: Path) -> None:
    with running(pack, home) as started:
        assert "Paris" in chat(started.url, "Name the capital of France.")
        assert started.stop() == 0
    assert children(started.process.pid) == []
    assert list((home / "tmp").iterdir()) == []


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_it_while_it_writes(pack: Path, home: Path, how: signal.Signals) -> None:
    with running(pack, home) as started:
        body = {"messages": [{"role": "user", "content": "Tell a long story."}], "stream": True}
        url = f"{started.url}/v1/chat/completions"
        with httpx.stream("POST", url, json=body, timeout=60, trust_env=False) as reply:
            lines = reply.iter_lines()
            for _ in range(6):
                next(lines)
            status = started.stop(how)
        assert status == (130 if how == signal.SIGINT else 0)
    assert children(started.process.pid) == []


def test_a_second_start_opens_the_running_one(pack: Path, home: Path) -> None:
    with running(pack, home) as started:
        second = subprocess.run(
            [str(pack), "--no-browser"],
            env=clean_environment(home),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        )
        assert started.url in second.stdout + second.stderr


def test_a_taken_port_is_named_or_passed_over(pack: Path, home: Path) -> None:
    with socket.create_server(("127.0.0.1", free_port())) as taken:
        port = int(taken.getsockname()[1])
        refused = spawn(pack, home, port=port)
        assert refused.process.wait(30) != 0
        assert str(port) in refused.printed
        assert "Traceback" not in refused.printed


@pytest.mark.parametrize("name", ["with space", "数据 ünïcode", "plain.exe"])
def test_it_runs_under_any_name_and_through_a_link(
    pack: Path, home: Path, tmp_path: Path, name: str
) -> None:
    folder = tmp_path / "ein Ordner ☃"
    folder.mkdir()
    copy = folder / name
    shutil.copy2(pack, copy)
    link = tmp_path / "link"
    link.symlink_to(copy)
    with running(link, home, folder=Path("/")) as started:
        assert chat(started.url, "Hello")


def test_hostile_environment_changes_nothing(pack: Path, home: Path, tmp_path: Path) -> None:
    libraries = tmp_path / "libraries"
    libraries.mkdir()
    for name in ("libc.so.6", "libz.so.1", "libpython3.11.so.1.0", "libllama.so"):
        (libraries / name).write_bytes(b"\x7fELF garbage")
    hostile = {
        "PYTHONHOME": "/nonexistent",
        "PYTHONPATH": str(libraries),
        "PYTHONSTARTUP": "/nonexistent.py",
        "LD_LIBRARY_PATH": str(libraries),
        "LLAMA_CPP_LIB_PATH": str(libraries),
    }
    with running(pack, home, environment=hostile) as started:
        assert chat(started.url, "Hello")


def test_closed_standard_streams_are_no_matter(pack: Path, home: Path) -> None:
    port = free_port()
    script = 'exec "$0" --no-browser --port "$1" <&- >&- 2>&-'
    process = subprocess.Popen(
        ["sh", "-c", script, str(pack), str(port)],
        env=clean_environment(home),
        start_new_session=True,
    )
    try:
        url = f"http://127.0.0.1:{port}"
        transport = httpx.HTTPTransport(retries=8)
        with httpx.Client(transport=transport, trust_env=False, timeout=20) as client:
            assert client.get(url).status_code == 200
    finally:
        process.send_signal(signal.SIGTERM)  # the shell has become the pack
        assert process.wait(5) == 0


def test_info_says_what_and_why(pack: Path, home: Path) -> None:
    printed = subprocess.run(
        [str(pack), "--info", "--json"],
        env=clean_environment(home),
        capture_output=True,
        timeout=60,
        check=True,
    ).stdout
    assert "SmolLM2" in json.dumps(json.loads(printed))


@pytest.mark.parametrize(("argument", "hint"), [("--prot=1", "--port"), ("--ctx-size=many", "ctx")])
def test_a_wrong_argument_is_a_sentence(pack: Path, home: Path, argument: str, hint: str) -> None:
    result = subprocess.run(
        [str(pack), argument],
        env=clean_environment(home),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert result.returncode == 2
    assert hint in result.stderr
    assert "Traceback" not in result.stderr


def test_another_model_can_be_served(pack: Path, home: Path) -> None:
    model = os.environ.get("LLAMAPACK_TEST_MODEL")
    if not model:
        pytest.skip("LLAMAPACK_TEST_MODEL names no model")
    with running(pack, home, arguments=["--model", model]) as started:
        assert "Paris" in chat(started.url, "Name the capital of France.")

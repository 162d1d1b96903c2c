"""The process from outside, with a model that cannot be loaded: words, exit codes, one instance."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from runtime.launch.processes import COMMAND, Home, run, running
from runtime.launch.small_pack import MODEL, RUNTIME, write_pack

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="uses POSIX signals")


def sentence(result: subprocess.CompletedProcess[str]) -> str:
    """What it complained, which is one line and no trace."""
    lines = result.stderr.splitlines()
    assert len(lines) == 1, result.stderr
    assert result.stdout == ""
    return lines[0]


def test_help_works_without_anything(home: Home) -> None:
    result = run(home, "--help", LLAMAPACK_PACK="/nowhere", LLAMAPACK_EXECUTABLE="/x/My Chat")
    assert result.returncode == 0
    assert result.stdout.startswith("Usage: My Chat [OPTIONS]")


def test_version_names_llamapack(home: Home) -> None:
    result = run(home, "--version")
    assert result.returncode == 0
    assert result.stdout.startswith("llamapack ")


def test_an_unknown_argument_ends_with_2(home: Home) -> None:
    result = run(home, "--prot=1")
    assert result.returncode == 2
    assert "--port" in sentence(result)


def test_without_a_pack_or_a_model_it_ends_with_2(home: Home) -> None:
    result = run(home)
    assert result.returncode == 2
    assert "--model FILE" in sentence(result)


@pytest.mark.parametrize("content", [b"", b"not a pack" * 100])
def test_a_damaged_pack_ends_with_3(home: Home, content: bytes) -> None:
    pack = home.root / "a pack"
    pack.write_bytes(content)
    result = run(home, LLAMAPACK_PACK=str(pack))
    assert result.returncode == 3
    assert "a pack" in sentence(result)


def test_a_missing_pack_ends_with_3(home: Home) -> None:
    result = run(home, LLAMAPACK_PACK=str(home.root / "gone"))
    assert result.returncode == 3
    assert "No such file" in sentence(result)


@pytest.mark.parametrize(
    "content", [b"", b"GGUF", b"PK\x03\x04" * 100, b"GGUF\x03\x00\x00\x00" * 9]
)
def test_a_file_that_is_no_gguf_ends_with_5(home: Home, content: bytes) -> None:
    model = home.root / "model.gguf"
    model.write_bytes(content)
    result = run(home, "--model", str(model), "--no-browser")
    assert result.returncode == 5
    assert "model.gguf" in sentence(result)


def test_a_missing_model_ends_with_5(home: Home) -> None:
    result = run(home, "--model", "gone.gguf", "--info")
    assert result.returncode == 5
    assert "gone.gguf" in sentence(result)


def test_a_model_that_cannot_be_loaded_ends_a_server(home: Home) -> None:
    result = run(home, "--model", str(home.write_model()), "--no-browser", "--port", "0")
    assert result.returncode == 5
    assert "libraries" in result.stderr
    assert "Traceback" not in result.stderr
    assert list((home.root / "data").rglob("*.json")) == []


def test_info_shows_the_problem_instead_of_failing(home: Home) -> None:
    result = run(home, "--model", str(home.write_model()), "--info", "--json")
    assert result.returncode == 0
    facts = json.loads(result.stdout)
    assert "libraries" in facts["problem"]
    assert facts["model"]["architecture"] == "llama"


def test_info_lists_all_models_with_what_comes_with_them(home: Home) -> None:
    second: dict[str, object] = {
        "entry": MODEL,
        "name": "Second",
        "architecture": "llama",
        "quantization": "Q8_0",
    }
    second |= {"parameter_count": 7, "context_length": 512, "has_chat_template": True}
    search = second | {"name": "search", "kind": "embedding"}
    adapter = {"name": "pirate", "entry": RUNTIME, "scale": 0.5}
    others = [second | {"adapters": [adapter], "projector": RUNTIME}, search]
    pack = write_pack(home.root / "pack", model=b"x", others=others)
    usual = {"size_bytes": 1, "adapters": [], "projector": None}
    with_more = {"size_bytes": 1, "adapters": ["pirate:0.5"], "projector": "packed"}
    result = run(home, "--info", "--json", LLAMAPACK_PACK=str(pack))
    assert json.loads(result.stdout)["models"] == [
        {"name": "M", "kind": "chat", **usual},
        {"name": "Second", "kind": "chat", **with_more},
        {"name": "search", "kind": "embedding", **usual},
    ]
    told = run(home, "--info", LLAMAPACK_PACK=str(pack)).stdout
    assert "  name Second, kind chat, size bytes 1, adapters pirate:0.5, projector packed\n" in told


def test_a_log_file_that_cannot_be_written_is_a_sentence(home: Home) -> None:
    result = run(home, "--log-file", str(home.root / "no" / "log"))
    assert result.returncode == 2
    assert "cannot be written" in sentence(result)


def test_the_page_says_why_the_model_cannot_be_loaded(home: Home, free_port: int) -> None:
    desktop = home.write_opener()
    with running(home, free_port, "-m", str(home.write_model()), **desktop) as program:
        failed = program.wait_for("/health", {503}).json()
        while "failed" not in failed:
            failed = program.wait_for("/health", {503}).json()
        assert "libraries" in failed["failed"]
        assert program.url in program.printed
        assert program.stop() == 5
    assert home.opened == [f"{program.url}/"]


def test_a_second_start_opens_the_first(home: Home, free_port: int) -> None:
    desktop, model = home.write_opener(), str(home.write_model())
    with running(home, free_port, **desktop, LLAMAPACK_MODEL=model) as program:
        again = run(home, "--port", str(free_port), **desktop, LLAMAPACK_MODEL=model)
        assert again.returncode == 0
        assert "already running" in again.stdout
        assert program.url in again.stdout
        assert home.opened == [f"{program.url}/"] * 2
        refused = run(home, "--port", str(free_port), "-c", "256", **desktop, LLAMAPACK_MODEL=model)
        assert refused.returncode == 4
        assert str(free_port) in sentence(refused)
    # Killed: its file is left, and does no harm.
    with running(home, free_port, **desktop, LLAMAPACK_MODEL=model) as program:
        program.stop()
    assert list((home.root / "data").rglob("*.json")) == []


@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", 5), ("SIGHUP", 5)])
def test_a_signal_ends_it_at_once(home: Home, free_port: int, name: str, code: int) -> None:
    desktop, model = home.write_opener(), str(home.write_model())
    with running(home, free_port, "-m", model, **desktop) as program:
        while "failed" not in program.wait_for("/health", {503}).json():
            pass
        assert program.stop(signal.Signals[name]) == code
    assert list((home.root / "tmp").iterdir()) == []


def test_quit_ends_it(home: Home, free_port: int) -> None:
    desktop, model = home.write_opener(), str(home.write_model())
    with running(home, free_port, "-m", model, **desktop) as program:
        reply = httpx.post(f"{program.url}/llamapack/quit", json={}, trust_env=False)
        assert reply.status_code == 202
        assert program.wait() in (0, 5)  # 5 if it has already found that the model is no good


def test_an_address_for_others_has_a_key(home: Home, free_port: int) -> None:
    desktop, model = home.write_opener(), str(home.write_model())
    every = "0.0.0.0"  # noqa: S104 - that is what is tested
    with running(home, free_port, "-m", model, "--host", every, **desktop) as program:
        key = program.printed.partition("?key=")[2].split()[0].rstrip(".")
        assert len(key) >= 32
        assert program.get("/llamapack/info").status_code == 401
        bearer = {"Authorization": f"Bearer {key}"}
        assert program.get("/llamapack/info", bearer).status_code == 200
        again = run(home, "--host", every, "-m", model, "--port", str(free_port), **desktop)
        assert f"?key={key}" in again.stdout
    assert key not in "".join(home.opened)
    assert home.opened[0].startswith(f"{program.url}/?key=")


def test_closed_standard_streams_are_no_matter(home: Home, free_port: int) -> None:
    desktop, model = home.write_opener(), str(home.write_model())
    closed = ["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", *COMMAND]
    with running(home, free_port, "-m", model, command=closed, **desktop) as program:
        descriptors = Path(f"/proc/{program.process.pid}/fd")
        assert {str((descriptors / name).readlink()) for name in "012"} == {"/dev/null"}
        program.stop()


def test_a_data_folder_that_cannot_be_used_is_no_obstacle(home: Home, free_port: int) -> None:
    desktop, model = home.write_opener(), str(home.write_model())
    blocked = {"XDG_DATA_HOME": str(home.write_model())}
    with running(home, free_port, "-m", model, **desktop, **blocked) as program:
        assert program.get("/llamapack/info").status_code == 200

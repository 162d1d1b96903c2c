"""Whoever double-clicks a program that cannot even begin is told so on a page."""

from __future__ import annotations

import contextlib
import socket
import sys
from collections.abc import Callable

import httpx
import pytest

from llamapack_runtime.launch.listen import DEFAULT_PORT
from make_gguf import make_gguf
from runtime.launch.processes import Home, Running, double_clicked, run
from runtime.launch.small_pack import write_pack

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="uses POSIX sessions")


def told(program: Running) -> tuple[str, str]:
    """The kind of help and the sentence, as the page gets them."""
    health = program.get("/health")
    info = program.get("/llamapack/info").json()
    assert health.status_code == 503
    assert (info["state"], info["failed"]) == ("failed", health.json()["failed"])
    assert info["quits_when_closed"] is True
    assert health.json()["code"] == info["code"]
    return info["code"], info["failed"]


def ended(program: Running) -> int:
    """The exit code, after Quit on its page."""
    reply = httpx.post(f"{program.url}/llamapack/quit", json={}, trust_env=False)
    assert reply.status_code == 202
    return program.wait()


def test_a_damaged_pack(home: Home) -> None:
    pack = home.root / "My Chat"
    pack.write_bytes(b"not a pack" * 100)
    with double_clicked(home, LLAMAPACK_PACK=str(pack)) as program:
        code, sentence = told(program)
        assert code == "file"
        assert sentence.startswith("My Chat is not a llamapack file")
        assert program.get("/llamapack/info").json()["name"] == "My Chat"
        report = program.get("/llamapack/report").text
        assert "kind: file" in report
        assert "pack: ~/My Chat" in report
        assert sentence in program.printed
        assert program.get("/llamapack/chats").json()["chats"] == []
        assert ended(program) == 3
    assert list((home.root / "tmp").iterdir()) == []


def test_a_hostile_manifest(home: Home) -> None:
    pack = write_pack(home.root / "chat", brand={"title": "x" * 81})
    with double_clicked(home, LLAMAPACK_PACK=str(pack)) as program:
        assert told(program) == (
            "file",
            "In the pack's manifest, 'brand.title' may have 80 characters at most, not 81.",
        )


def test_a_setting_that_this_program_does_not_know(home: Home) -> None:
    pack = write_pack(home.root / "chat", settings={"colour": "red"})
    with double_clicked(home, LLAMAPACK_PACK=str(pack)) as program:
        assert told(program) == (
            "other",
            "The pack sets 'colour', which this program does not know.",
        )


def test_a_packed_address_that_is_not_here(home: Home) -> None:
    pack = write_pack(home.root / "chat", settings={"host": "192.0.2.1"})
    with double_clicked(home, LLAMAPACK_PACK=str(pack)) as program:
        code, sentence = told(program)
        assert (code, program.url[:17]) == ("other", "http://127.0.0.1:")
        assert "'192.0.2.1' is not an address of this computer" in sentence
        assert ended(program) == 4


@pytest.mark.parametrize("variables", [{}, {"DISPLAY": ":0", "LLAMAPACK_NO_BROWSER": "1"}])
def test_without_a_browser_it_only_ends(home: Home, variables: dict[str, str]) -> None:
    home.write_opener()
    result = run(home, LLAMAPACK_PACK=str(home.root / "gone"), **variables)
    assert result.returncode == 3
    assert not (home.root / "opened").exists()


def model_of(home: Home) -> bytes:
    return make_gguf(home.root / "m.gguf").read_bytes()


def failure(program: Running) -> tuple[str, str]:
    """As soon as the model could not be loaded."""
    while "failed" not in program.wait_for("/health", {503}).json():
        pass
    return told(program)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda data: b"GUFF" + data[4:], "chat is not a GGUF file"),
        (lambda data: data[:-1000], "chat is cut off"),
        (lambda _: b"", "chat is not a GGUF file"),
    ],
)
def test_a_damaged_model(home: Home, change: Callable[[bytes], bytes], words: str) -> None:
    """In a pack that is sealed: whoever made it packed it so."""
    pack = write_pack(home.root / "chat", model=change(model_of(home)))
    with double_clicked(home, LLAMAPACK_PACK=str(pack)) as program:
        code, sentence = failure(program)
        assert (code, sentence[: len(words)]) == ("file", words)
        assert ended(program) == 5


def test_too_little_memory(home: Home) -> None:
    settings = {"ctx-size": 2**31 - 1}
    pack = write_pack(home.root / "chat", model=model_of(home), settings=settings)
    with double_clicked(home, LLAMAPACK_PACK=str(pack)) as program:
        code, sentence = failure(program)
        assert code == "memory"
        assert "is free; try --ctx-size" in sentence
        assert "kind: memory" in program.get("/llamapack/report").text


def test_a_port_that_is_taken(home: Home, free_port: int) -> None:
    """The packed one, and the usual one: the next that is free will do."""
    for settings in ({"port": free_port}, {}):
        pack = write_pack(home.root / "chat", model=model_of(home), settings=settings)
        taken = socket.socket()
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        port = settings.get("port", DEFAULT_PORT)
        with taken:
            with contextlib.suppress(OSError):  # whoever else has it will do
                taken.bind(("127.0.0.1", port))
                taken.listen()
            with double_clicked(home, LLAMAPACK_PACK=str(pack)) as program:
                assert not program.url.endswith(f":{port}")
        (home.root / "opened").unlink()


def test_a_folder_where_nothing_can_be_kept(home: Home) -> None:
    pack = write_pack(home.root / "chat", model=model_of(home))
    nowhere = str(home.write_model())
    with double_clicked(home, LLAMAPACK_PACK=str(pack), XDG_DATA_HOME=nowhere) as program:
        failure(program)
        reply = program.get("/llamapack/chats")
        assert reply.status_code == 500
        sentence = reply.json()["error"]["message"]
        assert sentence.startswith("Chats cannot be kept here (Not a directory). Let this user ")
        assert "Traceback" not in program.printed


def test_a_damaged_file_of_chats(home: Home) -> None:
    pack = write_pack(home.root / "chat", model=model_of(home))
    with double_clicked(home, LLAMAPACK_PACK=str(pack)) as program:
        assert program.get("/llamapack/chats").json()["chats"] == []
        failure(program)
        ended(program)
    [file] = (home.root / "data").rglob("chats/*.sqlite3")
    file.write_bytes(b"SQLite format 3\0" + b"no more" * 1000)
    (home.root / "opened").unlink()
    with double_clicked(home, LLAMAPACK_PACK=str(pack)) as program:
        assert program.get("/llamapack/chats").json()["chats"] == []
        [note] = program.get("/llamapack/info").json()["notes"]
        assert note.startswith("The file of your chats was damaged. It is kept as ")
        assert "damaged" in program.get("/llamapack/report").text
        assert str(home.root) not in program.get("/llamapack/report").text

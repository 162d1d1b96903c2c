"""Files that are uploaded: what comes of them, why some are refused, and that none stays behind."""

from __future__ import annotations

import errno
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from starlette.testclient import TestClient

from llamapack_runtime.api import body
from llamapack_runtime.api.chats.temporary import Temporary
from llamapack_runtime.api.chats.uploads import MAX_UPLOADS, folder_of
from llamapack_runtime.api.service import Ready, Service
from llamapack_runtime.chat.session import Session
from llamapack_runtime.files.errors import FileProblem, ProblemCode
from llamapack_runtime.files.types import Extracted
from runtime.api.chats.conftest import plain
from runtime.api.chats.person import Person, Sit
from runtime.api.clients import make_client
from runtime.api.served import TIMEOUT_S

PATH = "/llamapack/files"


def wait_until(claim: Callable[[], bool]) -> None:
    for _ in range(int(TIMEOUT_S / 0.01)):
        if claim():
            return
        threading.Event().wait(0.01)  # nobody tells of this
    pytest.fail("it never came true")


def left_behind(service: Service) -> list[Path]:
    assert service.data_folder is not None
    return [*folder_of(service.data_folder).glob("*")]


def test_a_file_is_taken_shown_and_deleted(person: Person, service: Service) -> None:
    text = "One é 🐋\nTwo"
    info = person.upload(text, "report.txt")
    facts = {key: info[key] for key in ("name", "kind", "size_bytes", "characters", "pages")}
    n_bytes = len(text.encode())
    assert facts == {
        "name": "report.txt",
        "kind": "text",
        "size_bytes": n_bytes,
        "characters": len(text),
        "pages": None,
    }
    assert info["tokens"] == n_bytes  # one for each byte, in this fake
    assert person.get(f"{PATH}/{info['id']}") == {**info, "text": text}
    person.delete(f"{PATH}/{info['id']}")
    person.get(f"{PATH}/{info['id']}", 404)
    person.delete(f"{PATH}/{info['id']}", 404)
    assert left_behind(service) == []


def test_a_real_document_is_read_by_a_child(person: Person, service: Service) -> None:
    service.extract = Service(service.about, service.defaults, service.quit, "").extract
    info = person.upload("Grüße aus dem Kind", "gruß.md")
    assert (info["kind"], info["name"]) == ("text", "gruß.md")
    assert person.get(f"{PATH}/{info['id']}")["text"] == "Grüße aus dem Kind"
    error = person.upload("\0\1\2\3" * 100, "program.exe", 415)["error"]
    assert error["code"] == "unsupported_file"
    assert "program.exe" in error["message"]
    assert left_behind(service) == []


@pytest.mark.parametrize(
    ("code", "status"),
    [("unsupported_file", 415), ("unreadable_file", 422), ("too_large", 413)],
)
def test_why_a_file_is_not_read_is_told(
    person: Person, service: Service, code: ProblemCode, status: int
) -> None:
    def refuse(_path: Path, name: str) -> Extracted:
        raise FileProblem(code, f"{name} is no good.")

    service.extract = refuse
    error = person.upload("x", "a.pdf", status)["error"]
    assert (error["code"], error["message"]) == (code, "a.pdf is no good.")
    assert left_behind(service) == []


@pytest.mark.parametrize(
    ("name", "expected"),
    [("C:\\Users\\me\\Report 1.pdf", "Report 1.pdf"), ("/home/me/a.txt", "a.txt"), ("é🐋", "é🐋")],
)
def test_a_name_has_no_folders(person: Person, name: str, expected: str) -> None:
    assert person.upload("x", name)["name"] == expected


@pytest.mark.parametrize("name", ["", "  ", "folder/", "x" * 1001])
def test_a_file_needs_a_name(person: Person, name: str) -> None:
    assert person.upload("x", name, 400)["error"]["param"] == "name"


@pytest.mark.parametrize("is_announced", [True, False])
def test_a_file_that_is_too_long_is_refused(
    person: Person, service: Service, monkeypatch: pytest.MonkeyPatch, is_announced: bool
) -> None:
    monkeypatch.setitem(body._OTHER_LIMITS, PATH, 1024 * 1024)

    def pieces() -> Iterator[bytes]:
        for _ in range(20):
            yield b"x" * 100_000

    content: bytes | Iterator[bytes] = b"x" * 2_000_000 if is_announced else pieces()
    try:
        reply = person.client.post(PATH, params={"name": "a.txt"}, content=content)
    except httpx.WriteError:  # the program does not listen to the rest
        pass
    else:
        assert (reply.status_code, "1 MiB" in reply.text) == (413, True)
    wait_until(lambda: not left_behind(service))


def test_a_full_disk_is_told(
    person: Person, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write(_descriptor: int, _data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("llamapack_runtime.api.chats.temporary.os.write", write)
    error = person.upload("x", status=507)["error"]
    assert (error["code"], "disk is full" in error["message"]) == ("storage_full", True)
    assert left_behind(service) == []


def test_a_page_that_goes_away_in_the_middle_leaves_nothing(
    person: Person, service: Service
) -> None:
    head = f"POST {PATH}?name=a.txt HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9000000\r\n\r\n"
    person.get("/llamapack/chats")
    with socket.create_connection(("127.0.0.1", person.server.port)) as connection:
        connection.sendall(head.encode() + b"x" * 3_000_000)
        wait_until(lambda: sum(one.stat().st_size for one in left_behind(service)) > 1_000_000)
    wait_until(lambda: not left_behind(service))


class Held:
    """Files whose reading waits until it is let go."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.n_begun = 0

    def __call__(self, path: Path, name: str) -> Extracted:
        self.n_begun += 1
        assert self.go.wait(TIMEOUT_S)
        return plain(path, name)


@pytest.fixture
def held(sit: Sit, service: Service, make_session: Callable[..., Session]) -> Iterator[Held]:
    sit(make_session("Hello!"))
    found = Held()
    service.extract = found
    yield found
    found.go.set()


def test_one_is_read_at_a_time_and_too_many_are_refused(
    person: Person, service: Service, held: Held
) -> None:
    with ThreadPoolExecutor(MAX_UPLOADS) as people:
        ends = [people.submit(person.upload, f"Text {n}") for n in range(MAX_UPLOADS)]
        wait_until(lambda: len(left_behind(service)) == MAX_UPLOADS)
        reply = person.client.post(PATH, params={"name": "a.txt"}, content=b"x")
        assert reply.status_code == 503
        assert int(reply.headers["retry-after"]) > 0
        assert held.n_begun == 1
        held.go.set()
        names = {end.result(TIMEOUT_S)["id"] for end in ends}
    assert len(names) == MAX_UPLOADS
    assert left_behind(service) == []
    person.upload("One more")


def test_who_goes_away_while_the_file_is_read_makes_room(
    person: Person, service: Service, held: Held
) -> None:
    request = f"POST {PATH}?name=a.txt HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\nx"
    for _ in range(MAX_UPLOADS + 2):
        with socket.create_connection(("127.0.0.1", person.server.port)) as connection:
            connection.sendall(request.encode())
            wait_until(lambda: len(left_behind(service)) == 1)
        wait_until(lambda: not left_behind(service))
    assert held.n_begun == 1
    held.go.set()
    person.upload("One more")


def test_what_a_kill_has_left_is_removed_at_the_next_start(
    sit: Sit, make_session: Callable[..., Session], service: Service, tmp_path: Path
) -> None:
    folder = folder_of(tmp_path / "data")
    with Temporary(folder) as of_another_process:
        of_another_process.write(b"x")
        left = folder / f"{'0' * 32}.part"
        left.write_bytes(b"x")
        sit(make_session("Hello!")).get("/llamapack/chats")
        assert left_behind(service) == [of_another_process.path]
        mode = of_another_process.path.stat().st_mode
        assert sys.platform == "win32" or mode & 0o77 == 0
    assert left_behind(service) == []


def test_tokens_are_counted_when_there_is_a_model(
    service: Service, web_root: Path, tmp_path: Path, make_session: Callable[..., Session]
) -> None:
    service.data_folder, service.extract = tmp_path / "data", plain
    client: TestClient = make_client(service, web_root)
    info = client.post(PATH, params={"name": "a.txt"}, content=b"Words").json()
    assert info["tokens"] is None
    shown = f"{PATH}/{info['id']}"
    assert client.get(shown).json()["tokens"] is None
    service.state = Ready(make_session("Hello!"), "")
    assert client.get(shown).json()["tokens"] == 5


def test_another_page_may_not_upload(person: Person) -> None:
    headers = {"Origin": "https://evil.example", "Content-Type": "text/plain"}
    reply = person.client.post(PATH, params={"name": "a.txt"}, content=b"x", headers=headers)
    assert reply.status_code == 403


def test_without_a_folder_no_file_is_taken(client: TestClient) -> None:
    assert client.post(PATH, params={"name": "a.txt"}, content=b"x").status_code == 501

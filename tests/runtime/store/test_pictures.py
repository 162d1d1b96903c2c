"""Pictures that came with messages: kept as they are, gone with their chat, and taken along."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from llamapack_runtime.store.chats import ChatStore
from llamapack_runtime.store.errors import NotFound, NotStorable
from llamapack_runtime.store.files import NewFile
from llamapack_runtime.store.pictures import MAX_PICTURE_BYTES
from llamapack_runtime.store.types import FileInfo
from make_mmproj import png, png_of
from runtime.store.chat_files import added, opened, titles

PICTURE = png(30, 20)
JPEG = b"\xff\xd8\xff\xc0\x00\x11\x08\x00\x20\x00\x30\x03" + bytes(9) + b"\xff\xd9"


def taken(store: ChatStore, name: str = "cat.png", data: bytes = PICTURE) -> FileInfo:
    return store.files.add(NewFile(name, "png", None, "", len(data), 16, data))


def asked(store: ChatStore, *files: FileInfo, content: str = "What is it?") -> str:
    """The id of a new chat whose question has these files."""
    chat = store.create().id
    store.add_message(chat, "user", content, parent=None, files=[one.id for one in files])
    return chat


@pytest.fixture
def other(tmp_path: Path) -> Iterator[ChatStore]:
    made = opened(tmp_path / "other" / "chats.sqlite3")
    yield made
    made.close()


def test_a_picture_is_kept_over_a_restart(path: Path) -> None:
    store = opened(path)
    file = taken(store)
    assert (file.kind, file.is_picture, file.characters, file.tokens) == ("png", True, 0, 16)
    chat = asked(store, file)
    store.close()
    again = opened(path)
    [question] = again.chat(chat).messages
    assert question.files == (file,)
    assert again.files.picture(file.id) == PICTURE
    assert again.files.text(file.id) == ""
    assert again.files.first_passages(file.id, 5) == []
    again.close()


def test_a_document_is_no_picture(store: ChatStore) -> None:
    file = added(store, "a.txt", "Ants")
    assert not file.is_picture
    for name in (file.id, "0" * 16):
        with pytest.raises(NotFound):
            store.files.picture(name)


def test_a_chat_can_be_found_by_the_name_of_its_picture(store: ChatStore) -> None:
    asked(store, taken(store, "whale.png"), content="")
    assert titles(store, "whale") == ["whale.png"]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "neither a PNG nor a JPEG"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "neither a PNG nor a JPEG"),
        (b"GIF89a" + bytes(20), "neither a PNG nor a JPEG"),
        (PICTURE[:20], "damaged"),
        (png_of(8000, 8000, b""), "8000 x 8000 pixels"),
        (PICTURE + bytes(MAX_PICTURE_BYTES), "4 MiB is the most"),
    ],
)
def test_what_is_no_picture_is_not_kept_as_one(store: ChatStore, data: bytes, words: str) -> None:
    with pytest.raises(NotStorable, match=words):
        taken(store, data=data)
    assert store.files.add(NewFile("a", "text", None, "", 0)).characters == 0


def test_nothing_of_a_deleted_picture_is_left(path: Path) -> None:
    store = opened(path)
    chat = asked(store, taken(store))
    other = asked(store, taken(store, data=png(30, 20, 1)))

    def is_there() -> bool:
        return any(PICTURE[200:260] in one.read_bytes() for one in path.parent.iterdir())

    assert is_there()
    store.delete(chat)
    assert not is_there()
    assert len(store.files.picture(store.chat(other).messages[0].files[0].id)) > 0
    store.close()


def test_a_chat_of_many_pictures_gives_its_space_back(path: Path) -> None:
    store = opened(path)
    empty_bytes = path.stat().st_size
    data = PICTURE + bytes(3 << 20)
    chat = asked(store, *(taken(store, data=data) for _ in range(12)))
    assert path.stat().st_size > 12 * len(data)
    store.delete(chat)
    assert path.stat().st_size <= empty_bytes + 200_000
    store.close()


def test_a_large_file_is_not_written_anew_for_a_little(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("llamapack_runtime.store.database._WASTE_BYTES", 1 << 20)
    store = opened(path)
    data = PICTURE + bytes(1 << 20)
    kept, *others = [asked(store, taken(store, data=data)) for _ in range(8)]
    size = path.stat().st_size
    store.delete(others.pop())
    assert path.stat().st_size >= size
    for chat in others:
        store.delete(chat)
    assert path.stat().st_size < size / 2
    assert store.files.picture(store.chat(kept).messages[0].files[0].id) == data
    store.close()


def test_pictures_come_along_once_for_all_branches(store: ChatStore, other: ChatStore) -> None:
    name = '<img src=x onerror="alert(1)">.png'
    file = taken(store, name)
    chat = asked(store, file)
    store.add_message(chat, "user", "What then?", parent=None, files=[file.id])
    data = b"".join(store.export("json"))
    assert data.count(b"data:image/png;base64,") == 1
    other.import_(data)
    first, edited = other.chat(other.list().chats[0].id).messages
    [copy] = first.files
    assert first.files == edited.files
    assert (copy.name, copy.kind, copy.size_bytes) == (name, "png", len(PICTURE))
    assert copy.id != file.id
    assert other.files.picture(copy.id) == PICTURE


def test_markdown_names_pictures(store: ChatStore) -> None:
    chat = asked(store, taken(store), added(store, "a.txt", "Ants"))
    told = b"".join(store.export("markdown", chat)).decode()
    assert "Files: cat.png, a.txt\n\nWhat is it?" in told
    assert "base64" not in told


def url(data: bytes, kind: str = "png") -> str:
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"


def exported(**file: object) -> bytes:
    told = {"id": "1", "name": "a", "kind": "png", "pages": None, "text": ""} | file
    line: dict[str, Any] = {"id": "m", "role": "user", "content": "?", "created_ms": 1}
    chat = {"title": "A", "created_ms": 1, "updated_ms": 2, "messages": [line | {"files": [told]}]}
    return json.dumps({"format": "llamapack-chats", "version": 1, "chats": [chat]}).encode()


def test_a_jpeg_may_be_imported(store: ChatStore) -> None:
    store.import_(exported(kind="jpeg", picture=url(JPEG, "jpeg"), size_bytes=7))
    [question] = store.chat(store.list().chats[0].id).messages
    assert (question.files[0].kind, question.files[0].size_bytes) == ("jpeg", len(JPEG))


@pytest.mark.parametrize(
    ("file", "words"),
    [
        ({}, "not there"),
        ({"picture": url(PICTURE), "text": "Ants"}, "not there, or has a text"),
        ({"picture": "https://example.com/a.png"}, "no data: URL"),
        ({"picture": "data:image/svg+xml;base64,PHN2Zz4="}, "no data: URL"),
        ({"picture": "data:text/html,<script>"}, "no data: URL"),
        ({"picture": url(PICTURE, "jpeg")}, "no data: URL of a PNG"),
        ({"picture": url(PICTURE)[:-3]}, "not valid base64"),
        ({"picture": url(PICTURE) + "?"}, "not valid base64"),
        ({"picture": url(b"")}, "neither a PNG nor a JPEG"),
        ({"picture": url(b"<script>")}, "neither a PNG nor a JPEG"),
        ({"picture": url(JPEG)}, "is not a PNG"),
        ({"picture": url(png_of(9000, 9000, b""))}, "9000 x 9000 pixels"),
        ({"picture": url(PICTURE + bytes(MAX_PICTURE_BYTES))}, "at most 4 MiB"),
        ({"kind": "text", "picture": url(PICTURE)}, "is a text and has a picture"),
        ({"kind": "gif", "picture": url(PICTURE)}, "kind"),
        ({"picture": 7}, "picture"),
    ],
)
def test_an_import_with_a_bad_picture_adds_nothing(
    store: ChatStore, file: dict[str, object], words: str
) -> None:
    with pytest.raises(NotStorable, match=words):
        store.import_(exported(**file))
    assert store.list().chats == ()

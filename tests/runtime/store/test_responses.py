"""Stored responses: bounds, damage, folders that cannot be used, several processes."""

from __future__ import annotations

import sqlite3
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from llamapack_runtime.store.responses import MIGRATIONS, ResponseStore, StoredResponse

ME, SOMEBODY_ELSE = "me", "somebody else"


def response(number: int, body: bytes = b"{}") -> StoredResponse:
    return StoredResponse(f"resp_{number}", body, b"[]", b"[]")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "responses.sqlite3"


@pytest.fixture
def store(path: Path) -> Iterator[ResponseStore]:
    made = ResponseStore(path, max_count=5, max_bytes=1000)
    yield made
    made.close()


def kept(store: ResponseStore, numbers: range) -> list[int]:
    return [number for number in numbers if store.get(f"resp_{number}", ME)]


def damaged(path: Path) -> list[str]:
    return sorted(one.name for one in path.parent.glob("*.damaged-*"))


def test_what_is_put_is_found_until_it_is_deleted(store: ResponseStore) -> None:
    one = StoredResponse("resp_1", '{"a":"é😀"}'.encode(), b"[1]", b"[2]")
    assert store.put(one, ME)
    assert store.get("resp_1", ME) == one
    assert store.delete("resp_1", ME)
    assert store.get("resp_1", ME) is None
    assert not store.delete("resp_1", ME)


def test_it_is_found_by_its_items_as_long_as_it_is_there(store: ResponseStore) -> None:
    one = StoredResponse("resp_1", b"{}", b"[]", b"[]", ("msg_1", "rs_1"))
    store.put(one, ME)
    assert store.get_by_item("rs_1", ME) == store.get_by_item("msg_1", ME) == one
    assert store.get_by_item("rs_2", ME) is None
    store.delete("resp_1", ME)
    assert store.get_by_item("rs_1", ME) is None
    store.put(one, ME)
    for number in range(2, 9):
        store.put(response(number), ME)
    assert store.get_by_item("rs_1", ME) is None


def test_nobody_else_finds_or_deletes_it(store: ResponseStore) -> None:
    store.put(StoredResponse("resp_1", b"{}", b"[]", b"[]", ("msg_1",)), ME)
    assert store.get("resp_1", SOMEBODY_ELSE) is None
    assert store.get_by_item("msg_1", SOMEBODY_ELSE) is None
    assert not store.delete("resp_1", SOMEBODY_ELSE)
    assert store.get("resp_1", ME) is not None


def test_it_is_still_there_after_a_restart(path: Path) -> None:
    first = ResponseStore(path)
    first.put(response(1), ME)
    first.close()
    again = ResponseStore(path)
    assert again.get("resp_1", ME) == response(1)
    again.close()
    again.close()


def test_nothing_is_opened_before_it_is_needed(path: Path) -> None:
    ResponseStore(path).close()
    assert not path.parent.exists()


def test_the_oldest_make_room_when_there_are_too_many(store: ResponseStore) -> None:
    for number in range(8):
        assert store.put(response(number), ME)
    assert kept(store, range(8)) == [3, 4, 5, 6, 7]


def test_the_oldest_make_room_when_they_are_too_large(store: ResponseStore) -> None:
    for number in range(4):
        assert store.put(response(number, b"x" * 300), ME)
    assert kept(store, range(4)) == [1, 2, 3]
    assert store.put(response(9, b"y" * 900), ME)
    assert kept(store, range(10)) == [9]


def test_one_that_is_larger_than_all_may_be_is_not_stored(store: ResponseStore) -> None:
    store.put(response(1), ME)
    assert not store.put(response(2, b"z" * 1000), ME)
    assert kept(store, range(3)) == [1]


def test_a_deleted_text_is_gone_from_the_file(path: Path) -> None:
    store = ResponseStore(path)
    store.put(response(1, b"a secret of mine"), ME)
    store.delete("resp_1", ME)
    store.close()
    assert b"a secret" not in path.read_bytes()


@pytest.mark.parametrize(
    "content", [b"This is no database. " * 100, b"SQLite format 3\0" + b"x" * 4096]
)
def test_a_damaged_file_is_put_aside(path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    store = ResponseStore(path)
    assert store.get("resp_1", ME) is None
    assert store.put(response(1), ME)
    assert store.get("resp_1", ME) == response(1)
    store.close()
    assert damaged(path) == [f"{path.name}.damaged-1"]
    assert path.with_name(f"{path.name}.damaged-1").read_bytes() == content


def test_damage_within_the_file_is_found_at_the_start(path: Path) -> None:
    store = ResponseStore(path)
    for number in range(50):
        store.put(response(number, b"x" * 4000), ME)
    store.close()
    data = bytearray(path.read_bytes())
    data[8192:-8192] = b"\xff" * (len(data) - 16384)
    path.write_bytes(data)
    again = ResponseStore(path)
    assert again.put(response(99), ME)
    assert again.get("resp_99", ME) == response(99)
    again.close()
    assert len(damaged(path)) == 1


def test_damage_that_is_found_in_use_costs_nothing_that_comes_later(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("llamapack_runtime.store.database._CHECKED_BYTES", 0)
    store = ResponseStore(path)
    store.put(response(1, b"x" * 4000), ME)
    store.close()
    connection = sqlite3.connect(path)
    [[page]] = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'responses'")
    connection.close()
    with path.open("r+b") as file:
        file.seek((page - 1) * 4096)
        file.write(b"\xff" * 4096)
    again = ResponseStore(path)
    assert again.put(response(2), ME)
    assert again.get("resp_2", ME) == response(2)
    again.close()
    assert len(damaged(path)) == 1


def test_a_second_damaged_file_does_not_replace_the_first(path: Path) -> None:
    for _ in range(2):
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"broken" * 1000)
        store = ResponseStore(path)
        assert store.put(response(1), ME)
        store.close()
    assert damaged(path) == [f"{path.name}.damaged-1", f"{path.name}.damaged-2"]


def test_a_folder_that_cannot_be_used_stores_nothing_and_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    blocker = tmp_path / "file"
    blocker.write_text("not a folder")
    store = ResponseStore(blocker / "responses.sqlite3")
    assert not store.put(response(1), ME)
    assert "Stored responses cannot be kept" in caplog.text
    assert store.get("resp_1", ME) is None
    assert not store.delete("resp_1", ME)
    store.close()


def test_a_folder_in_the_files_place_stores_nothing(path: Path) -> None:
    path.mkdir(parents=True)
    store = ResponseStore(path)
    assert not store.put(response(1), ME)
    store.close()
    assert path.is_dir()


def test_a_file_of_a_newer_version_is_left_alone(path: Path) -> None:
    ResponseStore(path).put(response(1), ME)
    with sqlite3.connect(path) as connection:
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    connection.close()
    store = ResponseStore(path)
    assert not store.put(response(2), ME)
    assert store.get("resp_1", ME) is None
    store.close()
    assert damaged(path) == []


def test_the_same_id_is_stored_once(store: ResponseStore) -> None:
    assert store.put(response(1, b"first"), ME)
    assert store.put(response(1, b"second"), ME)
    assert store.get("resp_1", ME) == response(1, b"second")


@pytest.mark.skipif(sys.platform == "win32", reason="rights are inherited from the folder there")
@pytest.mark.parametrize("exists", [False, True])
def test_nobody_else_can_read_it(path: Path, exists: bool) -> None:
    path.parent.mkdir(mode=0o755)
    if exists:
        path.touch(0o644)
    store = ResponseStore(path)
    assert store.put(response(1), ME)
    files = [*path.parent.iterdir()]
    assert path.with_name(f"{path.name}-wal") in files
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
    store.close()


def test_several_stores_and_threads_share_a_file(path: Path) -> None:
    stores = [ResponseStore(path) for _ in range(2)]
    results: list[bool] = []

    def fill(store: ResponseStore, start: int) -> None:
        results.extend(store.put(response(start + i), ME) for i in range(10))

    threads = [threading.Thread(target=fill, args=(stores[i % 2], i * 100)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert results == [True] * 40
    assert len(kept(stores[0], range(400))) == 40
    for store in stores:
        store.close()

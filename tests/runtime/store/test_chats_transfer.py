"""Chats that leave as a file and come back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from llamapack_runtime.store import exported
from llamapack_runtime.store.chats import ChatStore
from llamapack_runtime.store.errors import NotStorable
from llamapack_runtime.store.rows import MAX_TEXT_BYTES
from llamapack_runtime.store.types import ChatTree, Imported, Source
from runtime.store.chat_files import added, found, opened, talk, titles


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ChatStore]:
    made = opened(tmp_path / "one" / "chats.sqlite3")
    yield made
    made.close()


@pytest.fixture
def other(tmp_path: Path) -> Iterator[ChatStore]:
    made = opened(tmp_path / "other" / "chats.sqlite3")
    yield made
    made.close()


def file(*messages: dict[str, object], **chat: object) -> dict[str, Any]:
    whole = {"title": "A", "created_ms": 1, "updated_ms": 2, "messages": list(messages)} | chat
    return {"format": "llamapack-chats", "version": 1, "chats": [whole]}


def line(name: str, **more: object) -> dict[str, object]:
    return {"id": name, "role": "user", "content": "Hello", "created_ms": 1} | more


def without_ids(tree: ChatTree) -> list[tuple[object, ...]]:
    places: dict[str | None, int] = {one.id: n for n, one in enumerate(tree.messages)}
    head: tuple[object, ...] = (tree.chat.title, tree.chat.is_titled, tree.chat.is_pinned)
    return [
        (*head, tree.chat.created_ms, tree.chat.updated_ms, places.get(tree.chat.head)),
        *(
            (places.get(m.parent), m.role, m.content, m.reasoning, m.status, m.error, m.figures)
            for m in tree.messages
        ),
    ]


def attached(name: str, text: str | None, **more: object) -> dict[str, object]:
    told: dict[str, object] = {"id": name, "name": name, "kind": "text", "pages": None}
    return told | ({} if text is None else {"text": text}) | more


def source(n: int, name: str) -> dict[str, object]:
    return {"n": n, "file": name, "name": name, "page": None, "text": "Two"}


def test_everything_comes_back_with_new_ids(store: ChatStore, other: ChatStore) -> None:
    asked, answer = talk(store, "Why \0 é 你好 😀 </script>?", "Because\n")
    store.add_message(asked.chat, "assistant", "Therefore", parent=asked.id)
    store.save_answer(answer.id, "Because", "Hm", "failed", "It broke.", {"rate": 1.5, "n": [1]})
    store.set_head(asked.chat, answer.id)
    store.pin(asked.chat, True)
    store.rename(asked.chat, "Named")
    empty = store.create().id
    data = b"".join(store.export("json"))
    for _ in range(20):
        other.create()  # so that its clock is later than the chats
    assert other.import_(data) == Imported(chats=2, messages=3)
    by_title = {chat.title: chat.id for chat in other.list(200).chats}
    copy = other.chat(by_title["Named"])
    assert without_ids(copy) == without_ids(store.chat(asked.chat))
    assert not {m.id for m in copy.messages} & {m.id for m in store.chat(asked.chat).messages}
    assert by_title.keys() == {"Named", ""}
    assert store.chat(empty).messages == ()
    assert titles(other, "because") == ["Named"]


def test_files_come_along_once_for_all_branches(store: ChatStore, other: ChatStore) -> None:
    file, second = added(store, "a.pdf", "Ants\fBees 😀", pages=2), added(store, "b.txt", "Cats")
    ids = [second.id, file.id]
    chat = store.create().id
    asked = store.add_message(chat, "user", "What?", parent=None, files=ids)
    store.add_message(chat, "user", "What then?", parent=None, files=ids)
    answer = store.add_message(chat, "assistant", "Bees [3].", parent=asked.id)
    store.keep_sources(answer.id, [Source(3, file.id, "a.pdf", 2, "Bees 😀")])
    data = b"".join(store.export("json"))
    assert data.count("Bees 😀".encode()) == 2
    other.import_(data)
    first, edited, copied = other.chat(other.list().chats[0].id).messages
    assert first.files == edited.files
    assert [one.id for one in first.files] != ids
    for mine, theirs in zip((second, file), first.files, strict=True):
        facts = (mine.name, mine.kind, mine.pages, mine.size_bytes, mine.characters)
        assert facts == (theirs.name, theirs.kind, theirs.pages, theirs.size_bytes, mine.characters)
        assert other.files.text(theirs.id) == store.files.text(mine.id)
    assert [one.page for one in found(other, "bees", *first.files)] == [2]
    assert copied.sources == (Source(3, first.files[1].id, "a.pdf", 2, "Bees 😀"),)
    assert titles(other, "a.pdf") == ["What?"]


def test_a_file_may_come_without_more_than_the_format_asks_for(store: ChatStore) -> None:
    told = {"name": "a.txt", "kind": "text", "pages": None, "text": "Ants"}
    store.import_(json.dumps(file(line("a", files=[told, told]))).encode())
    [message] = store.chat(store.list().chats[0].id).messages
    assert [(one.name, one.size_bytes) for one in message.files] == [("a.txt", 4)] * 2


def test_importing_twice_makes_copies(store: ChatStore) -> None:
    talk(store, "Why?", "Because")
    data = b"".join(store.export("json"))
    store.import_(memoryview(data))
    store.import_(data)
    assert titles(store, "because") == ["Why?"] * 3


def test_one_chat_can_be_exported(store: ChatStore) -> None:
    asked, _ = talk(store, "This one", "Yes")
    talk(store, "Not this one", "No")
    chats = json.loads(b"".join(store.export("json", asked.chat)))["chats"]
    assert [chat["title"] for chat in chats] == ["This one"]


def test_markdown_has_the_branch_that_is_shown(store: ChatStore) -> None:
    asked, answer = talk(store, "Why?", "Because")
    store.add_message(asked.chat, "assistant", "Therefore", parent=asked.id)
    store.set_head(asked.chat, answer.id)
    expected = "# Why?\n\n## You\n\nWhy?\n\n## Assistant\n\nBecause\n"
    assert b"".join(store.export("markdown", asked.chat)).decode() == expected


@pytest.mark.parametrize(
    ("model", "speaker"),
    [
        ("Qwen3", "Assistant (Qwen3)"),
        ("a\nb", "Assistant (a b)"),
        ("\n", "Assistant"),
        (7, "Assistant"),
    ],
)
def test_markdown_says_which_of_several_models_answered(
    store: ChatStore, model: object, speaker: str
) -> None:
    asked, _ = talk(store, "Why?", "Because")
    again = store.add_message(asked.chat, "assistant", "", parent=asked.id, status="answering")
    store.save_answer(again.id, "So", "", "done", figures={"model": model})
    text = b"".join(store.export("markdown", asked.chat)).decode()
    assert text == f"# Why?\n\n## You\n\nWhy?\n\n## {speaker}\n\nSo\n"


def test_markdown_names_files_and_sources(store: ChatStore) -> None:
    file, second = added(store, "a.pdf", "Ants"), added(store, "b.txt", "Cats")
    chat = store.create().id
    asked = store.add_message(chat, "user", "Why?", parent=None, files=[file.id, second.id])
    answer = store.add_message(chat, "assistant", "So [1].", parent=asked.id)
    sources = [Source(1, file.id, "a.pdf", 7, "Ants"), Source(2, second.id, "b.txt", None, "Cats")]
    store.keep_sources(answer.id, sources)
    expected = (
        "# Why?\n\n## You\n\nFiles: a.pdf, b.txt\n\nWhy?\n"
        "\n## Assistant\n\nSo [1].\n\nSources: [1] a.pdf, page 7; [2] b.txt\n"
    )
    assert b"".join(store.export("markdown", chat)).decode() == expected


def test_an_export_shows_one_moment_while_others_write(store: ChatStore) -> None:
    for number in range(3):
        talk(store, f"Question {number}", "Yes")
    pieces = store.export("json")
    first = next(pieces)
    for chat in store.list().chats:
        store.delete(chat.id)
    talk(store, "Later", "Yes")
    chats = json.loads(first + b"".join(pieces))["chats"]
    assert [chat["title"] for chat in chats] == ["Question 0", "Question 1", "Question 2"]


def test_an_answer_that_is_being_written_is_exported_as_far_as_it_is(store: ChatStore) -> None:
    _, answer = talk(store, "Why?", "")
    store.save_answer(answer.id, "Beca", "", "answering")
    messages = json.loads(b"".join(store.export("json")))["chats"][0]["messages"]
    assert (messages[1]["content"], messages[1]["status"]) == ("Beca", "interrupted")


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ([], "not a file of exported chats"),
        ({}, "format"),
        (file() | {"format": "other"}, "format"),
        (file() | {"version": 2}, "version 2"),
        (file() | {"chats": {}}, "chats"),
        (file(title=None), "title"),
        (file(created_ms=-1), "created_ms"),
        (file(updated_ms=2**60), "updated_ms"),
        (file(head="none"), "head"),
        (file(line("a"), line("a")), "two messages"),
        (file(line("a", parent="a")), "does not come before"),
        (file(line("a", parent="b"), line("b", parent="a")), "does not come before"),
        (file(line("a", parent="elsewhere")), "does not come before"),
        (file(line("a", role="system")), "role"),
        (file(line("a", status="odd")), "status"),
        (file(line("a", content=None)), "content"),
        (file(line("a", content="x" * (MAX_TEXT_BYTES + 1))), "too long"),
        (file(line("a", figures={"x": "x" * 100_000})), "figures"),
        (file(line("i" * 101)), "id"),
        (file(line("a", files=[attached("1", None)])), "has no text"),
        (file(line("a", files=[attached("1", "x"), attached("1", "y")])), "two files"),
        (file(line("a", files=[attached("1", "x", kind="exe")])), "kind"),
        (file(line("a", files=[attached("1", "x", pages=2)])), "between form feeds"),
        (file(line("a", files=[attached("1", "x\fy")])), "between form feeds"),
        (file(line("a", files=[attached("1", "x" * (8 << 20) + "y")])), "is the most"),
        (file(line("a", files=[attached("1", "x")] * 21)), "files"),
        (file(line("a", sources=[source(1, "1")])), "no file of the chat"),
        (
            file(line("a", files=[attached("1", "x")], sources=[source(1, "1"), source(1, "1")])),
            "same number",
        ),
    ],
)
def test_a_file_with_a_fault_adds_nothing(store: ChatStore, changed: object, reason: str) -> None:
    if isinstance(changed, dict) and isinstance(changed.get("chats"), list):
        changed["chats"].insert(0, file(line("fine"))["chats"][0])
    with pytest.raises(NotStorable, match=reason):
        store.import_(json.dumps(changed).encode())
    assert store.list().chats == ()


@pytest.mark.parametrize(
    "data", [b"", b"{", b"\xff", b"[" * 100_000, b'{"format":"llamapack-chats"' + b" " * 1000]
)
def test_what_is_no_json_adds_nothing(store: ChatStore, data: bytes) -> None:
    with pytest.raises(NotStorable):
        store.import_(data)


def test_figures_that_are_nested_without_end_are_refused(store: ChatStore) -> None:
    nested = b'{"a":' * 20_000 + b"1" + b"}" * 20_000
    data = json.dumps(file(line("a", figures={"deep": 1}))).encode().replace(b'{"deep": 1}', nested)
    with pytest.raises(NotStorable):
        store.import_(data)


def test_a_file_that_is_too_large_is_refused_unread(
    store: ChatStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exported, "MAX_FILE_BYTES", 1000)
    with pytest.raises(NotStorable, match="MiB"):
        store.import_(b" " * 1001)


def test_a_chat_of_the_future_does_not_stay_on_top(store: ChatStore) -> None:
    store.import_(json.dumps(file(updated_ms=2**50, created_ms=2**50)).encode())
    newer = store.create()
    assert store.list().chats[0] == newer


def test_answering_in_a_file_is_interrupted(store: ChatStore) -> None:
    store.import_(
        json.dumps(file(line("a"), line("b", role="assistant", status="answering"))).encode()
    )
    chat = store.chat(store.list().chats[0].id)
    assert [message.status for message in chat.messages] == ["done", "interrupted"]
    assert chat.chat.head == chat.messages[-1].id

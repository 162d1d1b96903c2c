"""The store of chats: what is kept, in which order, and what is refused."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from llamapack_runtime.store.chats import ChatStore
from llamapack_runtime.store.errors import NotFound, NotStorable, StoreError
from llamapack_runtime.store.rows import MAX_JSON_BYTES, MAX_TEXT_BYTES
from llamapack_runtime.store.types import Status
from runtime.store.chat_files import message, opened, talk


def listed(store: ChatStore) -> list[str]:
    return [chat.id for chat in store.list().chats]


def test_a_new_chat_is_empty_and_has_no_name(store: ChatStore) -> None:
    chat = store.create()
    assert (chat.title, chat.is_titled, chat.is_pinned, chat.head) == ("", False, False, None)
    assert chat.created_ms == chat.updated_ms
    assert store.chat(chat.id).chat == chat
    assert store.chat(chat.id).messages == ()


def test_a_talk_is_kept_over_a_restart(path: Path) -> None:
    store = opened(path)
    asked, answered = talk(store, "Why is the sky blue?", "Because of Rayleigh.\0 😀")
    store.close()
    again = opened(path)
    tree = again.chat(asked.chat)
    assert tree.messages == (asked, answered)
    assert tree.chat.head == answered.id
    assert tree.chat.title == "Why is the sky blue?"
    assert answered.content == "Because of Rayleigh.\0 😀"
    assert (asked.parent, answered.parent) == (None, asked.id)
    again.close()


def test_the_newest_talk_comes_first_and_pinned_ones_before_it(store: ChatStore) -> None:
    chats = [talk(store, f"Question {number}", "Yes.")[0].chat for number in range(4)]
    assert listed(store) == chats[::-1]
    assert store.pin(chats[1], True).is_pinned
    store.add_message(chats[0], "user", "One more", parent=None)
    assert listed(store) == [chats[1], chats[0], chats[3], chats[2]]
    store.pin(chats[1], False)
    assert listed(store) == [chats[0], chats[3], chats[2], chats[1]]


def test_naming_and_pinning_do_not_make_a_chat_newer(store: ChatStore) -> None:
    first, second = (talk(store, text, "Yes.")[0].chat for text in ("A", "B"))
    before = store.chat(first).chat.updated_ms
    assert store.rename(first, "Named").updated_ms == before
    assert store.set_head(first, store.chat(first).messages[0].id).updated_ms == before
    assert listed(store) == [second, first]


def test_pages_follow_each_other_without_a_gap(store: ChatStore) -> None:
    made = [store.create().id for _ in range(7)]
    store.pin(made[3], True)
    seen: list[str] = []
    cursor = None
    for expected in (3, 3, 1):
        page = store.list(3, cursor)
        assert len(page.chats) == expected
        seen += [chat.id for chat in page.chats]
        cursor = page.next
    assert cursor is None
    assert seen == listed(store)
    assert len(set(seen)) == 7


def test_chats_of_the_same_millisecond_are_all_listed(path: Path) -> None:
    store = ChatStore.open(path, lambda: 5)
    made = {store.create().id for _ in range(5)}
    first = store.list(2)
    second = store.list(2, first.next)
    third = store.list(2, second.next)
    assert {chat.id for page in (first, second, third) for chat in page.chats} == made
    store.close()


@pytest.mark.parametrize("cursor", ["", "1", "1.2", "1.2.x", "-1.2.3", "1.2.3.4", "\uff11.2.3"])
def test_a_cursor_of_no_list_is_refused(store: ChatStore, cursor: str) -> None:
    with pytest.raises(NotStorable, match="cursor"):
        store.list(5, cursor)


def test_a_huge_cursor_lists_from_the_start(store: ChatStore) -> None:
    made = store.create().id
    assert [chat.id for chat in store.list(5, "9" * 50 + ".1.1").chats] == [made]


@pytest.mark.parametrize(("limit", "expected"), [(-5, 1), (0, 1), (10**9, 3)])
def test_any_limit_lists_something(store: ChatStore, limit: int, expected: int) -> None:
    for _ in range(3):
        store.create()
    assert len(store.list(limit).chats) == expected


def test_the_first_question_names_a_chat_once(store: ChatStore) -> None:
    chat = store.create().id
    store.add_message(chat, "user", "First question", parent=None)
    store.add_message(chat, "user", "Another beginning", parent=None)
    info = store.chat(chat).chat
    assert (info.title, info.is_titled) == ("First question", False)


def test_a_users_name_stays_and_an_empty_one_brings_the_automatic_back(store: ChatStore) -> None:
    chat = store.create().id
    assert store.rename(chat, " My \n chat ").title == "My chat"
    store.add_message(chat, "user", "The question", parent=None)
    assert store.chat(chat).chat.title == "My chat"
    assert store.chat(chat).chat.is_titled
    back = store.rename(chat, "  ")
    assert (back.title, back.is_titled) == ("The question", False)


def test_branches_have_the_same_parent_and_the_head_chooses_one(store: ChatStore) -> None:
    asked, first = talk(store, "Why?", "Because.")
    second = store.add_message(asked.chat, "assistant", "Therefore.", parent=asked.id)
    tree = store.chat(asked.chat)
    assert [one.id for one in tree.branch()] == [asked.id, second.id]
    assert store.set_head(asked.chat, first.id).head == first.id
    assert [one.id for one in store.chat(asked.chat).branch()] == [asked.id, first.id]


def test_a_parent_of_another_chat_is_refused(store: ChatStore) -> None:
    foreign, _ = talk(store, "Elsewhere", "Yes.")
    chat = store.create().id
    with pytest.raises(NotFound):
        store.add_message(chat, "user", "Hello", parent=foreign.id)
    with pytest.raises(NotFound):
        store.set_head(chat, foreign.id)
    assert store.chat(chat).messages == ()


def test_what_is_not_there_is_not_found(store: ChatStore) -> None:
    for work in (
        lambda: store.chat("none"),
        lambda: store.rename("none", "x"),
        lambda: store.pin("none", True),
        lambda: store.set_head("none", "none"),
        lambda: store.delete("none"),
        lambda: store.add_message("none", "user", "x", parent=None),
        lambda: store.save_answer("none", "x", "", "answering"),
        lambda: store.save_answer("none", "x", "", "done"),
        lambda: list(store.export("json", "none")),
    ):
        with pytest.raises(NotFound):
            work()


def test_a_message_may_have_four_mebibytes(store: ChatStore) -> None:
    chat = store.create().id
    added = store.add_message(chat, "user", "é" * (MAX_TEXT_BYTES // 2), parent=None)
    assert message(store, chat, added.id) == added
    with pytest.raises(NotStorable, match=r"4\.0 MiB is too long"):
        store.add_message(chat, "user", "x" * (MAX_TEXT_BYTES + 1), parent=None)
    assert len(store.chat(chat).messages) == 1


def test_half_a_character_does_not_stop_a_message(store: ChatStore) -> None:
    chat = store.create().id
    assert store.add_message(chat, "user", "a\ud800b", parent=None).content == "a?b"


def test_an_answer_grows_and_ends(store: ChatStore) -> None:
    chat = store.create().id
    asked = store.add_message(chat, "user", "Why?", parent=None)
    answer = store.add_message(chat, "assistant", "", parent=asked.id, status="answering")
    for content, reasoning in (("", "Hm"), ("Be", "Hm."), ("Be", "Hm."), ("Because", "Hm.")):
        store.save_answer(answer.id, content, reasoning, "answering")
        kept = message(store, chat, answer.id)
        assert (kept.content, kept.reasoning, kept.status) == (content, reasoning, "answering")
    store.save_answer(answer.id, "Because.", "Hm.", "done", None, {"tokens": 3, "rate": 1.5})
    kept = message(store, chat, answer.id)
    assert (kept.content, kept.reasoning, kept.status) == ("Because.", "Hm.", "done")
    assert kept.figures == {"tokens": 3, "rate": 1.5}


def test_no_piece_of_an_answer_stays_behind_its_end(store: ChatStore, path: Path) -> None:
    _, answer = talk(store, "Why?", "")
    for length in range(4):
        store.save_answer(answer.id, "Because"[:length], "", "answering")
    store.save_answer(answer.id, "Because", "", "done")
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT count(*) FROM pieces").fetchone() == (0,)
    connection.close()


@pytest.mark.parametrize("status", ["done", "length", "stopped", "interrupted", "failed"])
def test_every_end_of_an_answer_is_kept(store: ChatStore, status: Status) -> None:
    asked, answer = talk(store, "Why?", "Because.")
    store.save_answer(answer.id, "Be", "", status, "It broke.")
    kept = message(store, asked.chat, answer.id)
    assert (kept.content, kept.status, kept.error) == ("Be", status, "It broke.")


def test_a_text_that_is_no_longer_the_beginning_is_replaced(store: ChatStore) -> None:
    asked, answer = talk(store, "Why?", "")
    for content in ("One two", "One", "Three", "Three four"):
        store.save_answer(answer.id, content, "", "answering")
        assert message(store, asked.chat, answer.id).content == content


def test_an_answer_that_ended_can_be_continued(store: ChatStore) -> None:
    asked, answer = talk(store, "Why?", "Because")
    store.save_answer(answer.id, "Because of", "", "answering")
    assert message(store, asked.chat, answer.id).status == "answering"
    store.save_answer(answer.id, "Because of it.", "", "done")
    assert message(store, asked.chat, answer.id).content == "Because of it."


def test_a_users_message_is_never_answered_in(store: ChatStore) -> None:
    asked, _ = talk(store, "Why?", "Because")
    with pytest.raises(NotStorable):
        store.save_answer(asked.id, "x", "", "answering")
    assert message(store, asked.chat, asked.id) == asked


def test_an_answer_to_a_chat_that_was_deleted_is_not_found(store: ChatStore) -> None:
    asked, answer = talk(store, "Why?", "")
    store.save_answer(answer.id, "Be", "", "answering")
    store.delete(asked.chat)
    for status in ("answering", "done"):
        with pytest.raises(NotFound):
            store.save_answer(answer.id, "Because", "", status)


def test_a_deleted_chat_is_gone_with_all_its_messages(store: ChatStore) -> None:
    asked, _ = talk(store, "Why?", "Because")
    other, _ = talk(store, "Who?", "Me")
    store.delete(asked.chat)
    assert listed(store) == [other.chat]
    with pytest.raises(NotFound):
        store.chat(asked.chat)


def test_everything_can_be_deleted_settings_too(store: ChatStore) -> None:
    store.patch_settings({"preset": "precise"})
    for number in range(3):
        talk(store, f"Question {number}", "Yes.")
    store.delete_all()
    assert store.list().chats == ()
    assert store.search("question") == ()
    assert store.settings() == {}
    assert talk(store, "Again", "Yes.")[0].content == "Again"


def test_settings_are_changed_one_by_one(store: ChatStore) -> None:
    assert store.settings() == {}
    store.patch_settings({"preset": "precise", "sampling": {"top_k": 4}})
    assert store.patch_settings({"preset": None, "instructions": "Be brief 你好"}) == {
        "instructions": "Be brief 你好",
        "sampling": {"top_k": 4},
    }


def test_settings_that_are_too_large_change_nothing(store: ChatStore) -> None:
    store.patch_settings({"a": 1})
    for changes in ({"a": 2, "b": "x" * MAX_JSON_BYTES}, {str(n): n for n in range(200)}):
        with pytest.raises(NotStorable):
            store.patch_settings(changes)
    assert store.settings() == {"a": 1}


def test_after_closing_nothing_is_kept(path: Path) -> None:
    store = opened(path)
    store.close()
    store.close()
    for work in (store.list, store.create, store.settings, lambda: list(store.export("json"))):
        with pytest.raises(StoreError, match="closing"):
            work()

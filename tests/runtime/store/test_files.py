"""The files of chats: kept, shared by messages, and gone with them."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from llamapack_runtime.store.attachments import MAX_FILES
from llamapack_runtime.store.chats import ChatStore
from llamapack_runtime.store.errors import InUse, NotFound, NotStorable
from llamapack_runtime.store.files import MAX_TEXT_BYTES, ORPHANED_MS, NewFile
from llamapack_runtime.store.types import FileInfo, Source
from runtime.store.chat_files import START_MS, added, found, message, opened, talk, titles

SECRET = "xylophonist"


def asked(store: ChatStore, *files: FileInfo, content: str = "What is it?") -> str:
    """The id of a new chat whose question has these files."""
    chat = store.create().id
    store.add_message(chat, "user", content, parent=None, files=[one.id for one in files])
    return chat


def is_there(store: ChatStore, file: FileInfo) -> bool:
    try:
        return store.files.info(file.id) == file
    except NotFound:
        return False


def test_a_file_is_kept_over_a_restart(path: Path) -> None:
    store = opened(path)
    text = "One \0 é 😀\fTwo"
    file = added(store, "a.pdf", text, pages=2)
    assert (file.name, file.kind, file.pages, file.tokens) == ("a.pdf", "pdf", 2, None)
    assert (file.characters, file.size_bytes) == (len(text), len(text.encode()) + 7)
    store.close()
    again = opened(path)
    assert again.files.info(file.id) == file
    assert again.files.text(file.id) == text
    assert again.files.set_tokens(file.id, 7).tokens == 7
    assert again.files.info(file.id).tokens == 7
    again.close()


def test_a_message_has_its_files_in_order(store: ChatStore) -> None:
    first, second = added(store, "1.txt", "One"), added(store, "2.txt", "Two")
    chat = asked(store, second, first, second)
    [question] = store.chat(chat).messages
    assert question.files == (second, first)
    assert question.sources == ()


def test_a_name_is_one_short_line(store: ChatStore) -> None:
    assert added(store, "a\nb\u202e\x07.txt", "One").name == "a b .txt"
    assert len(added(store, "x" * 5000, "One").name) <= 200
    assert added(store, "\n", "One").name == "file"


def test_a_question_without_words_is_named_by_its_file(store: ChatStore) -> None:
    chat = asked(store, added(store, "Report 2024.pdf", "One"), content="")
    assert store.info(chat).title == "Report 2024.pdf"


def test_what_is_not_there_is_said_so(store: ChatStore) -> None:
    chat = store.create().id
    with pytest.raises(NotFound, match="no such file"):
        store.add_message(chat, "user", "Why?", parent=None, files=["0" * 16])
    assert store.chat(chat).messages == ()
    with pytest.raises(NotFound):
        store.files.info("0" * 16)
    with pytest.raises(NotFound):
        store.files.text("0" * 16)
    with pytest.raises(NotFound):
        store.files.delete("0" * 16)


def test_what_is_too_much_is_refused(store: ChatStore) -> None:
    with pytest.raises(NotStorable, match=r"8\.0 MiB"):
        added(store, "long.txt", "x" * (MAX_TEXT_BYTES + 1))
    files = [added(store, f"{number}.txt", "One").id for number in range(MAX_FILES + 1)]
    chat = store.create().id
    with pytest.raises(NotStorable, match="20 files at most, not 21"):
        store.add_message(chat, "user", "Why?", parent=None, files=files)
    store.add_message(chat, "user", "Why?", parent=None, files=files[1:])


def test_a_file_is_deleted_unless_a_message_has_it(store: ChatStore) -> None:
    file, other = added(store, "1.txt", "One"), added(store, "2.txt", "Two")
    asked(store, file)
    with pytest.raises(InUse, match="deleted with its chat"):
        store.files.delete(file.id)
    store.files.delete(other.id)
    assert is_there(store, file)
    assert not is_there(store, other)


def test_branches_share_a_file_and_it_goes_with_the_last_chat(store: ChatStore) -> None:
    file, own = added(store, "1.txt", "One"), added(store, "2.txt", "Two")
    first, second = asked(store, file, own), asked(store, file)
    store.add_message(first, "user", "Edited", parent=None, files=[file.id])
    store.delete(first)
    assert is_there(store, file)
    assert not is_there(store, own)
    assert store.chat(second).messages[0].files == (file,)
    store.delete(second)
    assert not is_there(store, file)


def test_deleting_everything_deletes_all_files(store: ChatStore) -> None:
    file, loose = added(store, "1.txt", "One"), added(store, "2.txt", "Two")
    asked(store, file)
    store.delete_all()
    assert not is_there(store, file)
    assert not is_there(store, loose)
    again = added(store, "3.txt", "Three")
    assert [one.text for one in found(store, "three", again)] == ["Three"]


def test_what_no_message_took_within_a_day_is_forgotten_at_the_next_start(path: Path) -> None:
    store = opened(path)
    file, loose = added(store, "1.txt", SECRET), added(store, "2.txt", SECRET)
    chat = asked(store, file)
    store.close()
    early = ChatStore.open(path, lambda: START_MS + ORPHANED_MS)
    assert is_there(early, loose)
    early.close()
    late = ChatStore.open(path, lambda: START_MS + 100 + ORPHANED_MS)
    assert not is_there(late, loose)
    assert late.chat(chat).messages[0].files == (file,)
    late.close()


def holding_the_secret(path: Path) -> list[str]:
    files = [file for file in path.parent.iterdir() if SECRET.encode() in file.read_bytes()]
    return sorted(file.name for file in files)


@pytest.mark.parametrize("way", ["file", "chat", "all"])
def test_nothing_of_a_deleted_file_is_left(path: Path, way: str) -> None:
    store = opened(path)
    stays = added(store, "stays.txt", "Something else")
    file = added(store, f"{SECRET}.txt", SECRET)
    chat = asked(store, file) if way != "file" else ""
    assert holding_the_secret(path)
    match way:
        case "file":
            store.files.delete(file.id)
        case "chat":
            store.delete(chat)
        case "all":
            store.delete_all()
    assert holding_the_secret(path) == []
    if way != "all":
        assert [one.text for one in found(store, "something", stays)] == ["Something else"]
    store.close()


def test_a_chat_is_found_by_the_name_of_its_file(store: ChatStore) -> None:
    chat = asked(store, added(store, "Jahresbericht.pdf", "One"), content="What is it?")
    other, _ = talk(store, "Something else", "Yes")
    assert titles(store, "jahresbericht") == ["What is it?"]
    assert titles(store, "what jahresbericht") == ["What is it?"]
    [match] = store.search("jahresbericht")
    [(start, end)] = match.excerpt.marks
    assert match.excerpt.text[start:end] == "Jahresbericht"
    store.delete(chat)
    assert titles(store, "jahresbericht") == []
    assert titles(store, "else") == ["Something else"]
    assert other.files == ()


def test_what_was_read_for_an_answer_stays_with_it(path: Path) -> None:
    store = opened(path)
    file = added(store, "a.pdf", "One\fTwo", pages=2)
    chat = asked(store, file)
    answer = store.add_message(chat, "assistant", "", parent=None, status="answering")
    sources = (Source(1, file.id, "a.pdf", 2, "Two 😀"), Source(2, file.id, "a.pdf", None, "One"))
    store.keep_sources(answer.id, sources[:1])
    store.keep_sources(answer.id, sources)
    store.save_answer(answer.id, "It is [1].", "", "done")
    store.close()
    again = opened(path)
    assert message(again, chat, answer.id).sources == sources
    again.delete(chat)
    with pytest.raises(NotFound):
        again.keep_sources(answer.id, sources)
    again.close()


def test_a_damaged_index_of_passages_is_made_anew(path: Path) -> None:
    store = opened(path)
    file, loose = added(store, "1.txt", "Aardvark"), added(store, "2.txt", "Bumblebee")
    store.close()
    for work in ("find", "delete"):
        with sqlite3.connect(path) as connection:
            connection.execute("UPDATE passage_words_data SET block = x'00112233445566778899'")
        connection.close()
        again = opened(path)
        if work == "delete":
            again.files.delete(loose.id)
        assert [one.text for one in found(again, "aardvark", file)] == ["Aardvark"]
        again.close()


def test_the_index_agrees_with_the_texts(path: Path) -> None:
    store = opened(path)
    kept = added(store, "1.txt", "Keeping 好 words")
    chat = asked(store, added(store, "2.txt", "Going 好"), added(store, "3.txt", "Gone"))
    store.delete(chat)
    store.files.add(NewFile("4.txt", "text", None, "", 0))
    store.close()
    connection = sqlite3.connect(path)
    connection.execute("CREATE VIRTUAL TABLE terms USING fts5vocab(passage_words, row)")
    terms = [row[0] for row in connection.execute("SELECT term FROM terms ORDER BY term")]
    connection.close()
    assert terms == ["keep", "word", "好"]
    again = opened(path)
    assert again.files.text(kept.id) == "Keeping 好 words"
    again.close()

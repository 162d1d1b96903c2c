"""Finding chats by words of any language, whatever somebody types."""

from __future__ import annotations

import re
import sqlite3
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llamapack_runtime.store.chats import ChatStore
from llamapack_runtime.store.words import MAX_QUERY, excerpt_of, match_of
from runtime.store.chat_files import message, opened, talk, titles


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ChatStore]:
    made = opened(tmp_path_factory.mktemp("library") / "chats.sqlite3")
    talk(made, "Sorting", "Use sorted() with a key-function, naïve café Ångström ÉCOLE.")
    talk(made, "编程", "我用Python编程。今天的天气很好\uff0c你好\uff01")
    talk(made, "日本語", "カタカナとひらがな、東京タワー")
    talk(made, "한국어", "안녕하세요 세계")
    talk(made, "ไทย", "ภาษาไทยง่ายมาก")
    talk(made, "Русский", "Привет, Ёлка")
    talk(made, "Wide", "\uff21\uff22\uff23 e\u0301tude 𠀀𠀁")
    yield made
    made.close()


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("sorted", "Sorting"),
        ("SORTED", "Sorting"),
        ("sort", "Sorting"),
        ("function key", "Sorting"),
        ("key-function", "Sorting"),
        ("cafe", "Sorting"),
        ("naive angstrom", "Sorting"),
        ("école", "Sorting"),
        ("编程", "编程"),
        ("python", "编程"),
        ("python编", "编程"),
        ("天气 你好", "编程"),
        ("天气很好你好", "编程"),
        ("東京", "日本語"),
        ("カナ", "日本語"),
        ("녕하", "한국어"),
        ("ไทย", "ไทย"),
        ("приве", "Русский"),
        ("abc", "Wide"),
        ("étude", "Wide"),
        ("𠀁", "Wide"),
    ],
)
def test_words_are_found_and_marked(library: ChatStore, query: str, expected: str) -> None:
    matches = library.search(query)
    assert [match.chat.title for match in matches] == [expected]
    assert matches[0].excerpt.marks


@pytest.mark.parametrize(
    "query", ["程编", "气天", "orted", "function-key", "sorted nothing", "s", "pyth on编"]
)
def test_what_is_not_there_is_not_found(library: ChatStore, query: str) -> None:
    assert library.search(query) == ()


HOSTILE = [
    "",
    " ",
    "\0",
    '"',
    '"" ""',
    "?!",
    "😀",
    "AND",
    "NOT x",
    "x OR",
    "(",
    "text:a",
    "^a",
    "-a",
]
LONG = ["NEAR(a b, 2)", "{a b}: c", "'; DROP TABLE chats; --", "\ud800", "a" * 5000, "好" * 5000]


@pytest.mark.parametrize("query", [*HOSTILE, *LONG])
def test_any_query_is_harmless(library: ChatStore, query: str) -> None:
    assert isinstance(library.search(query), tuple)


@given(st.text(max_size=30))
def test_any_text_at_all_is_harmless(library: ChatStore, query: str) -> None:
    library.search(query)


SPOKEN = ["ant", "Été", "e\u0301te\u0301", "好", "你好", "\U0001f40b", "x" * 50, "nai\u0308ve", "7"]


def spoken(least: int, most: int) -> st.SearchStrategy[str]:
    lines = st.lists(st.sampled_from(SPOKEN), min_size=least, max_size=most)
    return st.tuples(lines, st.sampled_from([" ", "\n", ", ", "\t\0"])).map(
        lambda pair: pair[1].join(pair[0])
    )


@given(spoken(0, 200), spoken(1, 4))
def test_marks_are_in_order_and_say_what_was_asked(text: str, query: str) -> None:
    excerpt = excerpt_of(text, query)
    ends = [0]
    for start, end in excerpt.marks:
        assert ends[-1] <= start < end
        ends.append(end)
        assert any(word in folded(query) for word in folded(excerpt.text[start:end]).split())
    assert ends[-1] <= len(excerpt.text) <= 162
    assert "\n" not in excerpt.text
    asked = set(re.findall(r"\w+", folded(query)))
    assert bool(excerpt.marks) >= bool(asked & set(re.findall(r"\w+", folded(text))))


def folded(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text).lower()
    return "".join(one for one in plain if not unicodedata.combining(one))


def test_a_mark_covers_what_was_typed() -> None:
    text = "x " * 200 + "Le CAFÉ,\nle cafe\u0301 et 编程 " + "y " * 200
    excerpt = excerpt_of(text, "cafe 编程")
    assert [excerpt.text[start:end] for start, end in excerpt.marks] == [
        "CAFÉ",
        "cafe\u0301"[:4],
        "编程",
    ]
    assert excerpt.text[0] == excerpt.text[-1] == "…"


def test_a_query_has_a_bound() -> None:
    assert match_of("word " * 1000) == match_of(("word " * 1000)[:MAX_QUERY])


def test_a_title_comes_before_a_message_and_the_newest_first(store: ChatStore) -> None:
    talk(store, "Old zebra", "Yes.")
    talk(store, "Animals", "A zebra.")
    talk(store, "New zebra", "Yes.")
    newest, _ = talk(store, "Stripes", "The zebra.")
    assert titles(store, "zebra") == ["New zebra", "Old zebra", "Stripes", "Animals"]
    assert len(store.search("zebra", 2)) == 2
    store.delete(newest.chat)
    assert titles(store, "zebra") == ["New zebra", "Old zebra", "Animals"]


def test_a_new_name_is_found_and_the_old_one_is_not(store: ChatStore) -> None:
    chat = store.create().id
    store.rename(chat, "First")
    store.rename(chat, "Second")
    assert titles(store, "second") == ["Second"]
    assert titles(store, "first") == []
    assert store.search("second")[0].excerpt.marks == ((0, 6),)


def test_an_answer_is_found_once_it_has_ended(store: ChatStore) -> None:
    _, answer = talk(store, "Why?", "Aardvark")
    store.save_answer(answer.id, "Aardvark bumblebee", "", "answering")
    assert titles(store, "aardvark") == []
    store.save_answer(answer.id, "Bumblebee", "", "stopped")
    assert titles(store, "aardvark") == []
    assert titles(store, "bumblebee") == ["Why?"]


def test_an_interrupted_answer_is_found_after_the_next_start(path: Path) -> None:
    store = opened(path)
    asked, answer = talk(store, "Why?", "")
    store.save_answer(answer.id, "Aardvark", "", "answering")
    store.close()
    again = opened(path)
    assert titles(again, "aardvark") == ["Why?"]
    assert message(again, asked.chat, answer.id).status == "interrupted"
    again.close()


def test_a_damaged_index_is_made_anew(path: Path) -> None:
    store = opened(path)
    talk(store, "Why?", "Aardvark")
    store.close()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE words_data SET block = x'00112233445566778899'")
    connection.close()
    again = opened(path)
    assert titles(again, "aardvark") == ["Why?"]
    again.close()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE words_data SET block = x'00112233445566778899'")
    connection.close()
    again = opened(path)
    again.delete(again.list().chats[0].id)
    assert titles(again, "aardvark") == []
    again.close()


def test_the_index_agrees_with_the_texts(path: Path) -> None:
    store = opened(path)
    kept, answer = talk(store, "Keep 好", "Aardvark")
    gone, _ = talk(store, "Go", "Bumblebee 好")
    store.rename(kept.chat, "Named é")
    store.save_answer(answer.id, "More", "", "answering")
    store.save_answer(answer.id, "More words", "", "done")
    store.delete(gone.chat)
    store.close()
    connection = sqlite3.connect(path)
    connection.execute("CREATE VIRTUAL TABLE terms USING fts5vocab(words, row)")
    terms = [row[0] for row in connection.execute("SELECT term FROM terms ORDER BY term")]
    connection.close()
    assert terms == ["e", "keep", "more", "named", "words", "好"]

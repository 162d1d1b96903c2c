"""The passages that answers read: the right ones for questions about real texts, and no more than
there is room for."""

from __future__ import annotations

import pydoc_data.topics
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from fakes import ByteTokenizer
from llamapack_runtime.api.chats.documents import passage
from llamapack_runtime.api.chats.library import MAX_SOURCES, Library, count_tokens, fused
from llamapack_runtime.store.chats import ChatStore
from llamapack_runtime.store.files import NewFile
from llamapack_runtime.store.types import FileInfo, Source
from runtime.store.chat_files import added, opened

README = Path(__file__).parents[4] / "README.md"
# What a small context leaves: a quarter of 4,096 tokens, of four bytes each.
FEW_BYTES = 4096

ABOUT_THE_README = [
    ("Which command builds a pack?", "llamapack build model.gguf"),
    ("How do I change the port it listens on?", "--port N"),
    ("What happens to my chats after a crash?", "after a crash"),
    ("Which Ollama routes are there?", "/api/tags"),
    ("How can I get the GGUF back out of a pack?", "llamapack extract"),
    ("Where are the weights unpacked to?", "Nothing is unpacked"),
    ("Under which licence is it released?", "Apache-2.0"),
    ("How long does make demo take?", "15 to 30 minutes"),
    ("What is the status code when the queue is full?", "answers 503"),
    ("Does the program connect to the internet?", "no outbound connection"),
]
# Half a megabyte of Python's own documentation.
ABOUT_PYTHON = [
    ("What does the with statement call when it exits?", "__exit__()"),
    ("Which method is called when an attribute is not found?", "__getattr__"),
    ("How are chained comparisons evaluated?", "a op1 b op2 c"),
    ("What is the precedence of the lambda expression?", "lambda"),
    ("What happens if a finally clause executes a return statement?", "finally"),
    ("How does the debugger set a breakpoint on a line?", "break"),
    ("Which special method makes an object callable?", "__call__"),
    ("What is a coroutine function defined with?", "async def"),
    ("How can I skip the rest of a loop's body?", "continue"),
    ("How are string literals concatenated at compile time?", "concaten"),
]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ChatStore]:
    made = opened(tmp_path / "chats.sqlite3")
    yield made
    made.close()


@pytest.fixture
def library(store: ChatStore) -> Library:
    return Library(store.files, ByteTokenizer())


def n_right(
    library: Library, file: FileInfo, asked: Sequence[tuple[str, str]], n_tokens: int = FEW_BYTES
) -> int:
    """Of how many questions the passages hold the answer."""
    found = [library.look_up([file], question, "", n_tokens) for question, _ in asked]
    return sum(
        any(answer in source.text for source in sources)
        for sources, (_, answer) in zip(found, asked, strict=True)
    )


def test_questions_about_the_readme_find_their_answers(store: ChatStore, library: Library) -> None:
    text = README.read_text(encoding="utf-8")
    missing = [answer for _, answer in ABOUT_THE_README if answer not in text]
    assert missing == [], "the README has changed: so must what is asked here"
    assert n_right(library, added(store, "README.md", text), ABOUT_THE_README) >= 9


def test_questions_about_a_book_find_their_answers(store: ChatStore, library: Library) -> None:
    topics = pydoc_data.topics.topics
    text = "\n\n".join(topics[name] for name in sorted(topics))
    assert len(text) > 400_000
    assert n_right(library, added(store, "python.txt", text), ABOUT_PYTHON) >= 9


def costs(sources: Sequence[Source]) -> int:
    return sum(len(f"{passage(one)}\n\n".encode()) for one in sources)


@pytest.mark.parametrize("n_tokens", [0, 120, 300, 1000, 4000, 100_000])
def test_no_more_is_read_than_there_is_room_for(
    store: ChatStore, library: Library, n_tokens: int
) -> None:
    text = README.read_text(encoding="utf-8")
    files = [added(store, f"{n}.md", text) for n in range(3)]
    sources = library.look_up(files, "Which command builds a pack?", "", n_tokens)
    assert costs(sources) <= n_tokens
    assert bool(sources) == (n_tokens > 0)
    assert len(sources) <= MAX_SOURCES
    assert [one.n for one in sources] == [*range(1, len(sources) + 1)]


def test_the_best_passage_is_shortened_around_what_was_asked(
    store: ChatStore, library: Library
) -> None:
    filling = "Nothing of interest is said in this sentence. "
    file = added(store, "a.txt", filling * 9 + "The gate has the number 4711. " + filling * 9)
    [source] = library.look_up([file], "Which number has the gate?", "", 200)
    assert "4711" in source.text


def test_sources_are_in_the_order_of_the_files(store: ChatStore, library: Library) -> None:
    filling = "filling " * 120
    first = added(store, "1.pdf", f"ants {filling}\fwhale {filling}\fants {filling}", pages=3)
    second = added(store, "2.pdf", f"whale whale {filling}\fwhale here {filling}", pages=2)
    found = library.look_up([second, first], "whale", "", 100_000)
    assert [(one.name, one.page) for one in found] == [("2.pdf", 1), ("2.pdf", 2), ("1.pdf", 2)]


def test_a_short_question_is_looked_up_with_the_one_before(
    store: ChatStore, library: Library
) -> None:
    parts = ["ants build hills", "whales sing songs", "bees make honey", "cats sleep all day"]
    text = "\n\n".join(f"{part} {'filling ' * 120}" for part in parts)
    file = added(store, "a.txt", text)
    room = 1200
    [alone] = library.look_up([file], "And why?", "", room)
    [found] = library.look_up([file], "And why?", "Which animals make honey?", room)
    assert alone.text.startswith("ants")
    assert found.text.startswith("bees")


def test_where_nothing_is_found_the_beginnings_are_read(store: ChatStore, library: Library) -> None:
    files = [added(store, f"{n}.txt", f"Text {n}.\n\n" + "filling " * 900) for n in range(2)]
    for question in ("Summarise it", "", "\u8981\u7ea6"):
        found = library.look_up(files, question, "", 100_000)
        assert [one.text[:7] for one in found if one.text.startswith("Text")] == [
            "Text 0.",
            "Text 1.",
        ]


def test_what_is_said_twice_is_read_once(store: ChatStore, library: Library) -> None:
    files = [added(store, f"{n}.txt", f"A whale {'filling ' * 120}") for n in range(3)]
    assert [one.name for one in library.look_up(files, "whale", "", 100_000)] == ["0.txt"]


def test_what_a_file_says_is_harmless(store: ChatStore, library: Library) -> None:
    file = added(store, "a.txt", "Number <|im_end|> 4711")
    assert "<|im_end|>" not in library.text(file)
    [source] = library.look_up([file], "Which number?", "", 1000)
    assert "<|im_end|>" not in source.text
    assert "4711" in source.text


def test_tokens_are_counted_once(store: ChatStore, library: Library) -> None:
    file = added(store, "a.txt", "Grüße")
    assert library.tokens(file) == 7
    assert store.files.info(file.id).tokens == 7
    counted = store.files.add(NewFile("b.txt", "text", None, "Grüße", 1, tokens=99))
    assert library.tokens(counted) == 99


def test_long_texts_are_counted_in_pieces() -> None:
    assert count_tokens(ByteTokenizer(), "x" * 50_000) == 50_000


def test_rankings_are_fused() -> None:
    assert fused([[1, 2, 3], [3, 1]]) == [1, 3, 2]
    assert fused([[5, 4], []]) == [5, 4]
    assert fused([]) == []

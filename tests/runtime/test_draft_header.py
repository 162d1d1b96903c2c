"""Whether one model can guess for another, by the vocabularies that their headers list."""

from __future__ import annotations

import io
from collections.abc import Mapping

import pytest

from gguf_bytes import Typed, gguf_bytes
from llamapack_runtime.draft_header import Vocabulary, check_draft, check_vocabularies
from llamapack_runtime.gguf_cursor import GgufError
from llamapack_runtime.gguf_header import GgufHeader, read_header

WORDS = [f"word{number}" for number in range(200)]
KEYS: Mapping[str, str | Typed] = {
    "general.architecture": "llama",
    "tokenizer.ggml.model": "gpt2",
    "tokenizer.ggml.tokens": Typed(8, WORDS),
    "tokenizer.ggml.bos_token_id": Typed(4, 1),
    "tokenizer.ggml.eos_token_id": Typed(4, 2),
    "tokenizer.ggml.add_bos_token": Typed(7, False),
}


def header_of(data: bytes, start: int = 0) -> GgufHeader:
    return read_header(io.BytesIO(data), start, len(data) - start, "A model")


def vocabulary(changes: Mapping[str, str | Typed | None] | None = None) -> Vocabulary:
    """None: without that key."""
    keys = {**KEYS, **(changes or {})}
    lead = b"in a pack "
    data = lead + gguf_bytes({key: value for key, value in keys.items() if value is not None})
    header = header_of(data, len(lead))
    return Vocabulary.read(io.BytesIO(data), len(lead), header, "A model")


def tokens(changes: Mapping[int, str], count: int = 200) -> dict[str, Typed]:
    words = [*WORDS, *(f"more{number}" for number in range(count - len(WORDS)))][:count]
    for number, word in changes.items():
        words[number] = word
    return {"tokenizer.ggml.tokens": Typed(8, words)}


def test_the_texts_are_those_of_the_file() -> None:
    assert [text.decode() for text in vocabulary()] == WORDS


@pytest.mark.parametrize(
    "changes",
    [
        {},
        tokens({0: "another", 4: "other"}),
        tokens({}, 328),
        tokens({}, 72),
        {"tokenizer.ggml.add_eos_token": Typed(7, False)},
        {"tokenizer.ggml.add_bos_token": None},
    ],
)
def test_small_differences_do_not_matter(changes: Mapping[str, str | Typed | None]) -> None:
    check_vocabularies(vocabulary(changes), vocabulary(), "Small", "Big")
    check_vocabularies(vocabulary(), vocabulary(changes), "Big", "Small")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            tokens({7: "x\n", 9: "y"}),
            "its token 7 is 'x\N{REPLACEMENT CHARACTER}', and 'word7' in Big",
        ),
        (tokens({5: "same"}), "its token 5 is 'same', and 'word5' in Big"),
        (tokens({}, 329), "it has 329 tokens, and Big 200"),
        (tokens({}, 71), "it has 71 tokens, and Big 200"),
        ({"tokenizer.ggml.model": "llama"}, "its kind of vocabulary is 'llama', and 'gpt2' in Big"),
        (
            {"tokenizer.ggml.bos_token_id": Typed(4, 3)},
            "its token of the beginning (bos) is 3, and 1",
        ),
        ({"tokenizer.ggml.eos_token_id": None}, "its token of the end (eos) is 11, and 2 in Big"),
        ({"tokenizer.ggml.add_bos_token": Typed(7, True)}, "(add_bos) is wanted, and not wanted"),
        ({"tokenizer.ggml.add_eos_token": Typed(7, True)}, "(add_eos) is wanted, and not wanted"),
        ({"tokenizer.ggml.pre": "llama-bpe", "tokenizer.ggml.add_bos_token": None}, "(add_bos)"),
    ],
)
def test_the_first_difference_is_named(
    changes: Mapping[str, str | Typed | None], words: str
) -> None:
    with pytest.raises(GgufError) as caught:
        check_vocabularies(vocabulary(changes), vocabulary(), "Small", "Big")
    assert str(caught.value).startswith("Small cannot guess for Big: ")
    assert words in str(caught.value)
    assert "Take a small model of the same family" in str(caught.value)


@pytest.mark.parametrize("value", [None, "text", Typed(4, [1] * 2000)])
def test_a_model_without_a_list_of_tokens_has_no_vocabulary(value: str | Typed | None) -> None:
    with pytest.raises(GgufError, match="A model has no list of tokens"):
        vocabulary({"tokenizer.ggml.tokens": value})


def test_what_does_not_chat_has_no_use_for_guesses_and_cannot_guess() -> None:
    chats = header_of(gguf_bytes(KEYS))
    bert = header_of(gguf_bytes({**KEYS, "general.architecture": "bert"}))
    check_draft(chats, chats, "Small")
    with pytest.raises(GgufError, match="Small is a model for embeddings"):
        check_draft(bert, chats, "Small")
    with pytest.raises(GgufError, match="Small is of no use here"):
        check_draft(chats, bert, "Small")

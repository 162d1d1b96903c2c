"""Texts of files stay between their marks, whatever they say."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes import ByteTokenizer
from llamapack_runtime.api.chats.documents import harmless, mention, passage, passages, whole
from llamapack_runtime.store.types import FileInfo, Source

WORDS = ByteTokenizer()
ID = "1a2b3c4d5e6f7890"
CONTROLS = {WORDS.BOS, WORDS.END, WORDS.IM_START, WORDS.IM_END}
HOSTILE = st.lists(
    st.sampled_from(
        [
            *WORDS.SPECIALS,
            "<file-1a2b3c>",
            "</file-1a2b3c>",
            "file-1a2b3cx",
            "<|",
            "|>",
            " a ",
            "\n",
        ]
    )
).map("".join)


def info(name: str = "a.txt") -> FileInfo:
    return FileInfo(ID, name, "text", 1, 1, None, None, 0)


@given(HOSTILE)
def test_a_text_has_no_control_tokens(text: str) -> None:
    made = harmless(text, WORDS)
    tokens = WORDS.tokenize(made, add_special=False, parse_special=True)
    assert not CONTROLS & set(tokens)
    assert made.replace("\u2060", "") == text


@pytest.mark.parametrize("mark", ["<|im_end|>", "<|eot_id|>", "[INST]", "[/INST]"])
def test_marks_of_turns_are_words_even_where_they_are_no_tokens(mark: str) -> None:
    made = harmless(f"a {mark} b", WORDS)
    assert mark not in made
    assert made.replace("\u2060", "") == f"a {mark} b"


@pytest.mark.parametrize("text", ["a < b | c > d", "[1] INST", "<html>", "x[|y|]", "Grüße 🐋"])
def test_other_texts_stay_as_they_are(text: str) -> None:
    assert harmless(text, WORDS) == text


@given(HOSTILE)
def test_a_file_cannot_close_its_text(text: str) -> None:
    block = whole(info(), text)
    [(mark, inside)] = re.findall(
        r"^The .* instruction\.\n<(file-[0-9a-z]+)>\n(.*)\n</\1>$", block, re.DOTALL
    )
    assert inside == text.strip()
    assert mark not in inside


@given(HOSTILE)
def test_a_passage_cannot_close_its_text(text: str) -> None:
    block = passage(Source(1, ID, "a.pdf", 7, text.replace("file", "passage")))
    head, _, rest = block.partition("\n")
    assert head == '[1] "a.pdf", page 7'
    [mark] = re.findall(r"^<(passage-[0-9a-z]+)>\n", rest)
    assert rest.count(f"</{mark}>") == 1
    assert rest.endswith(f"</{mark}>")


def test_a_name_cannot_pass_for_anything_else() -> None:
    name = 'a" [2] <file-1> ".txt'
    for block in (
        whole(info(name), "x"),
        mention([info(name)]),
        passage(Source(1, ID, name, 1, "")),
    ):
        assert "\"a' (2) (file-1) '.txt\"" in block


def test_the_same_file_always_looks_the_same() -> None:
    assert whole(info(), "One") == whole(info(), "One")


def test_passages_are_numbered_and_asked_to_be_cited() -> None:
    block = passages([Source(1, ID, "a.pdf", 2, "One"), Source(2, ID, "b.txt", None, "Two")])
    assert '[1] "a.pdf", page 2\n' in block
    assert '[2] "b.txt"\n' in block
    assert "cite those that you use like [1]" in block

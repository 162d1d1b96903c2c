"""Texts, and pairs of a query and a document, become tokens."""

from __future__ import annotations

import pytest

from fake_embedder import FakePooled
from fakes import ByteTokenizer
from llamapack_runtime.engine.embed_texts import EmbedFacts, RerankForm, TextEmbedder
from llamapack_runtime.engine.embedding import Embedder

BOS, END = ByteTokenizer.BOS, ByteTokenizer.END


class EndedTokenizer(ByteTokenizer):
    """Writes an end after a text, too."""

    def tokenize(self, text: str, *, add_special: bool, parse_special: bool) -> tuple[int, ...]:
        tokens = super().tokenize(text, add_special=add_special, parse_special=parse_special)
        return (*tokens, self.END) if add_special else tokens


def embedder(form: RerankForm | None = None) -> TextEmbedder:
    with Embedder(FakePooled, "rank") as idle:
        facts = EmbedFacts("rank", 1, 40)
        return TextEmbedder(idle, EndedTokenizer(), facts, form or RerankForm())


def test_special_tokens_stand_around_a_text() -> None:
    assert embedder().tokens("ab") == (BOS, *b"ab", END)


@pytest.mark.parametrize(
    ("limit", "kept"),
    [(9, b"abcdef"), (8, b"abcdef"), (7, b"abcde"), (3, b"a"), (2, b"")],
)
def test_a_text_loses_its_end_and_keeps_its_special_tokens(limit: int, kept: bytes) -> None:
    assert embedder().tokens("abcdef", limit) == (BOS, *kept, END)


def test_one_token_is_one_token() -> None:
    assert embedder().tokens("abcdef", 1) == (BOS,)


def test_a_pair_stands_between_the_form_s_tokens() -> None:
    form = RerankForm(opening=(BOS,), middle=(END, 258), closing=(END,))
    assert embedder(form).pair("q", "doc") == (BOS, *b"q", END, 258, *b"doc", END)


def test_marks_in_a_pair_are_text() -> None:
    form = RerankForm(opening=(BOS,), closing=(END,))
    assert END not in embedder(form).pair("a<|end|>", "b<|end|>")[1:-1]


@pytest.mark.parametrize(
    ("max_document", "limit", "kept"),
    [(None, None, b"doc"), (2, None, b"do"), (None, 6, b"d"), (9, 6, b"d"), (1, 9, b"d")],
)
@pytest.mark.parametrize(
    "form",
    [
        RerankForm(opening=(BOS,), middle=(259, 258), closing=(END,)),
        RerankForm(template="<|begin|>{query}<|im_end|><|im_start|>{document}<|end|>"),
    ],
)
def test_a_document_loses_its_end(
    form: RerankForm, max_document: int | None, limit: int | None, kept: bytes
) -> None:
    tokens = embedder(form).pair("q", "doc", max_document, limit)
    assert tokens == (BOS, *b"q", 259, 258, *kept, END)


def test_what_a_query_says_is_not_filled_in_again() -> None:
    form = RerankForm(template="{query}|{document}")
    assert bytes(embedder(form).pair("{document}", "{query}")) == b"{document}|{query}"

"""What the API talks to for embeddings and reranking: texts become tokens, which the embedder runs.

Every method may be called from any thread."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from llamapack_runtime.engine.embed_types import EmbedEmit, EmbedRequest, Pooling

_PLACES = re.compile(r"\{query\}|\{document\}")


class Tokenizer(Protocol):
    """`llamapack_runtime.engine.model.Model` is one."""

    @property
    def n_vocab(self) -> int: ...

    def tokenize(self, text: str, *, add_special: bool, parse_special: bool) -> tuple[int, ...]: ...


class Runs(Protocol):
    """`llamapack_runtime.engine.embedding.Embedder` does."""

    def submit(self, request: EmbedRequest, emit: EmbedEmit) -> None: ...

    def abort(self, request_id: str) -> None: ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class RerankForm:
    """How a query and a document become one input: the model's own template with {query} and
    {document}, else `opening` query `middle` document `closing` (tokens)."""

    template: str | None = None
    opening: tuple[int, ...] = ()
    middle: tuple[int, ...] = ()
    closing: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class EmbedFacts:
    """Known before anything is computed. `n_embd` is the length of a vector, `max_tokens` that of
    the longest input. `normalize` as llama-server numbers it: -1 not at all, 0 to the range of
    16-bit numbers, 1 taxicab, 2 Euclidean, more: that p-norm. `is_for_search`: the model was
    trained so that what belongs together is close, which a chat model was not."""

    pooling: Pooling
    n_embd: int
    max_tokens: int
    normalize: int = 2
    is_for_search: bool = True


class TextEmbedder:
    """`rerank_form` gives what a reranking model expects."""

    def __init__(
        self, embedder: Runs, tokenizer: Tokenizer, facts: EmbedFacts, rerank_form: RerankForm
    ) -> None:
        self.facts = facts
        self.n_vocab = tokenizer.n_vocab
        self._embedder = embedder
        self._tokenizer = tokenizer
        self._form = rerank_form

    @property
    def is_reranker(self) -> bool:
        return self.facts.pooling == "rank"

    def tokens(self, text: str, limit: int | None = None) -> tuple[int, ...]:
        """Special tokens are added and parsed, as llama-server does it. With a `limit`, the text
        loses its end where there are more; the special tokens after it stay."""
        whole = self._tokenizer.tokenize(text, add_special=True, parse_special=True)
        if limit is None or len(whole) <= limit:
            return whole
        inner = self._tokenizer.tokenize(text, add_special=False, parse_special=True)
        n_around = len(whole) - len(inner)
        for start in range(n_around + 1):
            if whole[start : start + len(inner)] == inner:
                kept = inner[: max(0, limit - n_around)]
                return (whole[:start] + kept + whole[start + len(inner) :])[:limit]
        return whole[:limit]

    def pair(
        self, query: str, document: str, max_document: int | None = None, limit: int | None = None
    ) -> tuple[int, ...]:
        """The tokens of a query and a document. The document loses its end where it has more than
        `max_document` tokens, or both together more than `limit`."""
        if self._form.template is not None:
            return self._templated(self._form.template, query, document, max_document, limit)
        # A mark such as [SEP] in these texts is text: it must not end the query.
        asked, told = self._plain(query), self._plain(document)[:max_document]
        before = self._form.opening + asked + self._form.middle
        if limit is not None:
            told = told[: max(0, limit - len(before) - len(self._form.closing))]
        return before + told + self._form.closing

    def submit(self, request: EmbedRequest, emit: EmbedEmit) -> None:
        """See `Embedder.submit`."""
        self._embedder.submit(request, emit)

    def abort(self, request_id: str) -> None:
        """See `Embedder.abort`."""
        self._embedder.abort(request_id)

    def close(self) -> None:
        """Close the embedder. The tokenizer's model stays open."""
        self._embedder.close()

    def _templated(
        self,
        template: str,
        query: str,
        document: str,
        max_document: int | None,
        limit: int | None,
    ) -> tuple[int, ...]:
        def tokens(text: str) -> tuple[int, ...]:
            filled = _filled(template, {"{query}": query, "{document}": text})
            return self._tokenizer.tokenize(filled, add_special=False, parse_special=True)

        def fits(length: int) -> bool:
            text = document[:length]
            is_short = max_document is None or len(self._plain(text)) <= max_document
            return is_short and (limit is None or len(tokens(text)) <= limit)

        return tokens(document[: _largest(len(document), fits)])

    def _plain(self, text: str) -> tuple[int, ...]:
        return self._tokenizer.tokenize(text, add_special=False, parse_special=False)


def _largest(most: int, fits: Callable[[int], bool]) -> int:
    """The largest number up to `most` that fits, where all below one that fits do, too."""
    if fits(most):
        return most
    low, high = 0, most  # `low` fits as far as any does, `high` does not
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low


def _filled(template: str, values: Mapping[str, str]) -> str:
    """All places in one go: what a value says is not looked at again."""
    return _PLACES.sub(lambda place: values[place[0]], template)

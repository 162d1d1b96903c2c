"""Ranks passages by what they mean, where the program has a model that makes embeddings. Blocking.
What fails here is logged, and answers are made without it."""

from __future__ import annotations

import logging
import math
import operator
import secrets
import struct
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from llamapack_runtime.api.errors import NotReady
from llamapack_runtime.engine.embed_types import Embedded, EmbedRequest
from llamapack_runtime.engine.errors import EngineError
from llamapack_runtime.engine.types import Failed
from llamapack_runtime.store.errors import NotFound, StoreError
from llamapack_runtime.store.files import FileStore
from llamapack_runtime.store.types import FileInfo

if TYPE_CHECKING:  # it comes with the model: the page must not wait for its import
    from llamapack_runtime.engine.embed_texts import TextEmbedder

Lend = Callable[[], "AbstractContextManager[TextEmbedder]"]

logger = logging.getLogger(__name__)

_BATCH = 16  # passages that are embedded at once
_MAX_PASSAGES = 4000  # of one file; the rest is found by words alone
_BATCH_S = 300.0
_QUESTION_S = 10.0


class Vectors:
    """`lend` lends what makes one vector of each text (see `can_rank`), and may raise NotReady;
    `maker` names it, whose vectors are of no use to another."""

    def __init__(self, files: FileStore, maker: str, lend: Lend) -> None:
        self._files = files
        self._maker = maker
        self._lend = lend
        self._is_closed = False

    def close(self) -> None:
        """From any thread: `make` ends after what it is at."""
        self._is_closed = True

    def make(self, file_id: str) -> None:
        """Those that a file lacks. Takes minutes for a book."""
        for _ in range(0, _MAX_PASSAGES, _BATCH):
            try:
                passages = self._files.without_vectors(file_id, self._maker, _BATCH)
                if self._is_closed or not passages:
                    return
                made = self._embed([one.text for one in passages], _BATCH_S)
                if made is None:
                    return
                numbers = [one.number for one in passages]
                self._files.set_vectors(self._maker, dict(zip(numbers, made, strict=True)))
            except NotFound:  # it was deleted meanwhile
                return
            except StoreError as error:
                logger.warning("Passages are found by words alone: %s", error)
                return

    def ranked(self, files: Sequence[FileInfo], question: str, limit: int) -> list[int]:
        """Numbers of those passages that have a vector by now, the closest to the question first;
        none when there is no vector of the question."""
        known = {
            number: vector
            for file in files
            for number, vector in self._files.vectors(file.id, self._maker).items()
        }
        made = self._embed([question], _QUESTION_S) if known and question.strip() else None
        if made is None:
            return []
        asked = _unpacked(made[0])
        closeness = {
            number: sum(map(operator.mul, asked, _unpacked(vector)))
            for number, vector in known.items()
            if len(vector) == len(made[0])
        }
        return sorted(closeness, key=lambda number: -closeness[number])[:limit]

    def _embed(self, texts: Sequence[str], patience_s: float) -> list[bytes] | None:
        try:
            with self._lend() as embedder:
                return _embedded(embedder, texts, patience_s) if can_rank(embedder) else None
        except (NotReady, EngineError) as error:
            logger.warning("Passages are found by words alone: %s", error)
            return None


def _embedded(
    embedder: TextEmbedder, texts: Sequence[str], patience_s: float
) -> list[bytes] | None:
    end = Future[Embedded | Failed]()
    inputs = tuple(embedder.tokens(text, embedder.facts.max_tokens) for text in texts)
    request = EmbedRequest(secrets.token_hex(12), inputs)
    embedder.submit(request, end.set_result)
    try:
        result = end.result(patience_s)
    except TimeoutError:
        embedder.abort(request.request_id)
        logger.warning("The embedding of passages takes too long; they are found by words.")
        return None
    if isinstance(result, Failed):
        logger.warning("Passages are found by words alone: %s", result.message)
        return None
    return [_packed(rows[0]) for rows in result.rows]


def can_rank(embedder: TextEmbedder) -> bool:
    """Whether it makes one vector of a text, and those say what belongs together. For ten questions
    about this project's README, a chat model's own found the passage among the first three once;
    words found it for all, and so did words with the vectors of all-MiniLM-L6-v2."""
    return embedder.facts.is_for_search and embedder.facts.pooling not in ("rank", "none")


def _packed(vector: Sequence[float]) -> bytes:
    """Of length 1, in numbers of 16 bits; zeros where the model computed no numbers."""
    length = math.hypot(*vector)
    if not math.isfinite(length) or length == 0:
        return struct.pack(f"<{len(vector)}e", *[0.0] * len(vector))
    return struct.pack(f"<{len(vector)}e", *(each / length for each in vector))


def _unpacked(vector: bytes) -> tuple[float, ...]:
    return struct.unpack(f"<{len(vector) // 2}e", vector)

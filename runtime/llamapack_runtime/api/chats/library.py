"""What an answer reads of files: their whole texts, or the passages that fit its question, and the
pictures that the model sees. Blocking."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Protocol

from llamapack_runtime.api.chats.documents import Words, harmless, passage
from llamapack_runtime.chat.sight import MAX_IMAGES
from llamapack_runtime.chat.types import Image
from llamapack_runtime.files.passages import cut
from llamapack_runtime.store.files import FileStore
from llamapack_runtime.store.questions import terms_of
from llamapack_runtime.store.types import FileInfo, Source, StoredPassage

MAX_SOURCES = 8
_CANDIDATES = 50  # passages of each ranking
_FEW_TERMS = 3  # a question with fewer is looked up with the words of the one before
_FEW_HITS = 3  # with fewer, the beginnings of the files are read, too
_FUSION = 60  # https://plg.uwaterloo.ca/~gvcormac/cormacksigir09-rrf.pdf
_LEAST_BYTES = 48  # less of a passage says nothing
_CHUNK = 8192  # characters that are counted at once: some tokenizers take words of any length ill


class Ranker(Protocol):
    """Ranks passages by what they mean; `vectors.Vectors` does."""

    def ranked(self, files: Sequence[FileInfo], question: str, limit: int) -> list[int]: ...


class Library:
    """The files of one desk, as one model reads them. `ranker` None: by their words alone.
    `sees`: whether the model reads images."""

    def __init__(
        self, files: FileStore, words: Words, ranker: Ranker | None = None, *, sees: bool = False
    ) -> None:
        self._files = files
        self._words = words
        self._ranker = ranker
        self._sees = sees

    def tokens(self, file: FileInfo) -> int:
        """About how many its text has; counted once."""
        if file.tokens is not None:
            return file.tokens
        tokens = count_tokens(self._words, self._files.text(file.id))
        self._files.set_tokens(file.id, tokens)
        return tokens

    def text(self, file: FileInfo) -> str:
        """All that it says, harmless."""
        return harmless(self._files.text(file.id), self._words)

    def seen(self, pictures: Sequence[FileInfo], n_asked: int, n_tokens: int) -> dict[str, Image]:
        """By their ids, those that the model looks at: the last `n_asked`, which the question came
        with, and those before them that `n_tokens` have room for, the latest first."""
        if not self._sees:
            return {}
        chosen: list[FileInfo] = []
        for file in list(reversed(pictures))[:MAX_IMAGES]:
            n_tokens -= file.tokens or 0
            if n_tokens < 0 and len(chosen) >= n_asked:
                break
            chosen.append(file)
        return {one.id: Image.of(self._files.picture(one.id), one.name) for one in chosen}

    def look_up(
        self, files: Sequence[FileInfo], question: str, before: str, n_tokens: int
    ) -> tuple[Source, ...]:
        """Passages for a question, whose blocks have no more tokens than that, in the order of the
        files, harmless, numbered from 1. `before` is the question before it."""
        terms = terms_of(question)
        if len(terms) < _FEW_TERMS:
            terms = (*terms, *terms_of(before))
        named = {file.id: file.name for file in files}
        chosen: list[tuple[int, Source]] = []
        said: set[str] = set()
        for found in self._files.read(self._ranked(files, question, terms)):
            if found.text in said:  # files repeat themselves, and each other
                continue
            source = self._source(found, named[found.file], terms, n_tokens, is_first=not chosen)
            if source is not None:
                n_tokens -= self._cost(source)
                chosen.append((found.number, source))
                said.add(found.text)
            if len(chosen) == MAX_SOURCES:
                break
        order = {file.id: place for place, file in enumerate(files)}
        chosen.sort(key=lambda pair: (order[pair[1].file], pair[0]))
        return tuple(replace(source, n=n) for n, (_, source) in enumerate(chosen, 1))

    def _ranked(self, files: Sequence[FileInfo], question: str, terms: Sequence[str]) -> list[int]:
        by_words = self._files.find([file.id for file in files], terms, _CANDIDATES)
        rankings = [by_words]
        if self._ranker is not None:
            rankings.append(self._ranker.ranked(files, question, _CANDIDATES))
        ranked = fused(rankings)
        if len(ranked) < _FEW_HITS:
            each = max(1, MAX_SOURCES // len(files))
            first = [one for file in files for one in self._files.first_passages(file.id, each)]
            ranked = [*dict.fromkeys([*ranked, *first])]
        return ranked

    def _source(
        self,
        found: StoredPassage,
        name: str,
        terms: Sequence[str],
        n_tokens: int,
        *,
        is_first: bool,
    ) -> Source | None:
        """None when it has no room. The best passage is shortened until it has."""
        text = harmless(found.text, self._words)
        source = Source(MAX_SOURCES, found.file, name, found.page, text)
        length = len(text.encode("utf-8", "replace"))
        while self._cost(source) > n_tokens:
            length //= 2
            if not is_first or length < _LEAST_BYTES:
                return None
            source = replace(source, text=_most_telling(text, terms, length))
        return source

    def _cost(self, source: Source) -> int:
        block = f"{passage(source)}\n\n"
        return len(self._words.tokenize(block, add_special=False, parse_special=True))


def count_tokens(words: Words, text: str) -> int:
    """About: the text is counted in pieces."""
    total = 0
    for start in range(0, len(text), _CHUNK):
        piece = text[start : start + _CHUNK]
        total += len(words.tokenize(piece, add_special=False, parse_special=False))
    return total


def fused(rankings: Iterable[Sequence[int]]) -> list[int]:
    """One ranking of several, by reciprocal rank fusion."""
    scores: dict[int, float] = {}
    for ranking in rankings:
        for rank, number in enumerate(ranking, 1):
            scores[number] = scores.get(number, 0.0) + 1 / (_FUSION + rank)
    return sorted(scores, key=lambda number: (-scores[number], number))


def _most_telling(text: str, terms: Sequence[str], n_bytes: int) -> str:
    """The part of about this length with the most of the words that were asked for."""
    usual = max(4, n_bytes)
    parts = [
        text[one.start : one.end] for one in cut(text, has_pages=False, usual=usual, most=usual)
    ]
    words = [term.replace(" ", "") for term in terms]

    def telling(part: str) -> tuple[int, int]:
        return sum(word in part.lower() for word in words), len(part)

    return max(parts, key=telling, default="")

"""Grammars that answers must match, compiled and followed by llguidance, token by token.

A grammar is text in llguidance's variant of Lark (https://github.com/guidance-ai/llguidance,
docs/syntax.md); `%json { ... }` stands for what a JSON Schema allows, and `<[7]>` for the control
token 7, which has no text. Knows nothing of chat, nor of llama.cpp."""

from __future__ import annotations

import re
import time
from array import array
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from llguidance import LLMatcher, LLParserLimits, LLTokenizer, TokenizerWrapper

from llamapack_runtime.engine.errors import GrammarError

MAX_LARK_CHARACTERS = 1024 * 1024
# Clients send the same tools and formats with each turn of a conversation.
_KEPT_GRAMMARS = 32
# Of distinct masks whose tokens are remembered: a grammar comes back to few of them again and
# again, such as the inside of a string.
_MAX_MASKS = 64
# llguidance's limits on one step are set so that a hostile grammar cannot hold the engine's
# thread, which all conversations share, for more than some 20 ms (its documentation tells the
# speed of each). What a real schema needs is far below them.
_LIMITS = LLParserLimits(
    initial_lexer_fuel=1_000_000,
    step_lexer_fuel=100_000,
    step_max_items=20_000,
    max_lexer_states=50_000,
)
# What following one answer may take of the thread that all conversations share. Real schemas need
# a tenth of a millisecond for a token.
_FREE_S = 0.3
_PER_TOKEN_S = 0.003
_PLACE = re.compile(r"^(?:error: |at \d+\(\d+\): |failed to compile JSON schema: )*")
_TOO_MANY = re.compile(r"Too many items|Current row has \d+ items")
_NO_TEXT = "NoExtensionBias"
_ALLOWED = b"\xc8"  # as llguidance marks a token in a mask of bytes: 200


@dataclass(frozen=True, slots=True)
class Mask:
    """`tokens` are those that may come next, or (`is_inverted`) those that may not."""

    tokens: array[int]
    is_inverted: bool


class Grammar:
    """Compiled, and good for any number of answers, from any thread."""

    def __init__(self, matcher: LLMatcher) -> None:
        self._matcher = matcher
        self._masks: dict[bytes, Mask] = {}

    def start(self) -> Matcher:
        """At the beginning of an answer."""
        return Matcher(self._matcher.deep_copy(), self._masks)


class Matcher:
    """Follows one answer. GrammarError once llguidance gives up, or has taken too long: no token is
    then allowed."""

    def __init__(self, matcher: LLMatcher, masks: dict[bytes, Mask]) -> None:
        self._matcher = matcher
        self._masks = masks
        self._left_s = _FREE_S

    def mask(self) -> Mask:
        with self._timed():
            bits = self._matcher.compute_bitmask()
        self._check()
        known = self._masks.get(bits)
        if known is None:
            if len(self._masks) >= _MAX_MASKS:
                self._masks.clear()
            known = self._masks[bits] = _mask(self._matcher.compute_logit_bias())
        return known

    def accept(self, token: int) -> None:
        self._left_s = min(_FREE_S, self._left_s + _PER_TOKEN_S)
        with self._timed():
            is_allowed = self._matcher.consume_token(token)
        self._check()
        if not is_allowed:
            raise GrammarError(f"The grammar does not allow token {token} here.")

    @property
    def is_over(self) -> bool:
        """Whether nothing can follow."""
        return self._matcher.is_stopped() and not self._matcher.is_error()

    def forced(self) -> list[int]:
        """The tokens that must come next, because the grammar leaves no other text."""
        with self._timed():
            return list(self._matcher.compute_ff_tokens())

    @contextmanager
    def _timed(self) -> Iterator[None]:
        started_s = time.thread_time()
        yield
        self._left_s -= time.thread_time() - started_s

    def _check(self) -> None:
        if self._matcher.is_error():
            raise GrammarError(_sentence(self._matcher.get_error()))
        if self._left_s < 0:
            raise GrammarError(
                "The grammar is too ambiguous: what it allows next takes too long to find out."
            )


class GrammarCompiler:
    """For one vocabulary; from any thread."""

    def __init__(self, tokenizer: LLTokenizer) -> None:
        self._tokenizer = tokenizer
        self._compiled = lru_cache(_KEPT_GRAMMARS)(self._compile)

    @classmethod
    def from_pieces(
        cls,
        pieces: Sequence[bytes],
        end_tokens: Sequence[int],
        tokenize: Callable[[str], Sequence[int]],
    ) -> GrammarCompiler:
        """`pieces` are the tokens' bytes, those of control tokens with 0xFF before their name."""
        vocabulary = TokenizerWrapper(_Pieces(pieces, end_tokens, tokenize))
        return cls(LLTokenizer(vocabulary, eos_token=list(end_tokens)))

    def compile(self, lark: str) -> Grammar:
        """GrammarError with the reason why it cannot be used; it names what is not supported. The
        latest are kept."""
        return self._compiled(lark)

    def _compile(self, lark: str) -> Grammar:
        if len(lark) > MAX_LARK_CHARACTERS:
            raise GrammarError(
                f"The grammar has {len(lark)} characters; at most {MAX_LARK_CHARACTERS} are"
                " possible."
            )
        matcher = LLMatcher(
            self._tokenizer, LLMatcher.grammar_from_lark(lark), log_level=0, limits=_LIMITS
        )
        if matcher.is_error():
            raise GrammarError(_sentence(matcher.get_error()))
        # Some faults show only now, such as a reference that leads to nothing but itself.
        first = matcher.deep_copy()
        allowed = first.compute_logit_bias()
        if first.is_error() and _NO_TEXT not in first.get_error():
            raise GrammarError(_sentence(first.get_error()))
        if first.is_error() or _ALLOWED not in allowed:
            raise GrammarError("The grammar cannot be used: no text matches it.")
        return Grammar(matcher)


class _Pieces:
    """A vocabulary as llguidance wants it."""

    def __init__(
        self,
        pieces: Sequence[bytes],
        end_tokens: Sequence[int],
        tokenize: Callable[[str], Sequence[int]],
    ) -> None:
        self.tokens = list(pieces)
        self.eos_token_id = end_tokens[0]
        self.bos_token_id = None
        self.special_token_ids: list[int] = []
        self._tokenize = tokenize

    def __call__(self, text: Any) -> list[int]:
        return list(self._tokenize(text.decode() if isinstance(text, bytes) else text))


def _mask(marks: bytes) -> Mask:
    """From a byte for each token to the shorter list."""
    is_inverted = 2 * marks.count(_ALLOWED) > len(marks)
    pattern = b"[^\xc8]" if is_inverted else _ALLOWED
    return Mask(
        array("i", [m.start() for m in re.finditer(pattern, marks, re.DOTALL)]), is_inverted
    )


def _sentence(error: str) -> str:
    """llguidance's reason without the place in, and the text of, the grammar that it shows."""
    lines = [line.strip() for line in error.splitlines() if line.strip()]
    told = [line for line in lines if line.startswith("error:")] or lines or ["no reason given"]
    reason = _PLACE.sub("", told[0]).rstrip(".")
    if _TOO_MANY.search(reason):
        reason = "at one place too much may come next, such as hundreds of optional properties"
    return f"The grammar cannot be used: {reason[:500]}."

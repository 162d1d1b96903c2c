"""Requests that cannot run, each with one plain sentence. Pure."""

from __future__ import annotations

from collections.abc import Set

from llamapack_runtime.engine.media import span_of
from llamapack_runtime.engine.types import Failed, Request

MAX_STOP_STRINGS = 64
MAX_STOP_CHARACTERS = 4096

SHUTTING_DOWN = Failed("The server is shutting down.", 503, "shutting_down")


def refuse(request: Request, adapters: Set[str], *, n_ctx: int, n_vocab: int) -> Failed | None:
    """Why a request can never run, or None. `adapters`: the names of those that there are."""
    tokens, characters = request.prompt_tokens, sum(map(len, request.stop))
    if not tokens:
        return bad_request("The prompt is empty; send at least one token of text.")
    if max(tokens) >= n_vocab or any(
        token < 0 and span_of(request.media, token) is None for token in tokens
    ):
        return bad_request(f"Prompt tokens must lie between 0 and {n_vocab - 1}.")
    if tokens[-1] < 0:
        return bad_request("The prompt ends with an image; send some text after it.")
    if len(tokens) > n_ctx:
        return Failed(
            f"The prompt has {len(tokens)} tokens, but the context holds {n_ctx};"
            " shorten it or start with a larger --ctx-size.",
            400,
            "context_length_exceeded",
        )
    unknown = next((name for name, _ in request.adapters if name not in adapters), None)
    if unknown is not None:
        return bad_request(f"There is no adapter '{unknown}' here.")
    if request.sampling.problem is not None:
        return bad_request(request.sampling.problem)
    if len(request.stop) > MAX_STOP_STRINGS or characters > MAX_STOP_CHARACTERS:
        return bad_request(
            f"At most {MAX_STOP_STRINGS} stop strings with {MAX_STOP_CHARACTERS} characters in"
            " all are possible."
        )
    return None


def bad_request(message: str) -> Failed:
    return Failed(message, 400, "invalid_request")


def too_busy(n_waiting: int, wait_s: int) -> Failed:
    """The queue is full; in `wait_s` seconds a place in it is likely."""
    return Failed(
        f"The server is busy: {n_waiting} requests wait already. Try again in {wait_s} s.",
        503,
        "server_busy",
        wait_s,
    )

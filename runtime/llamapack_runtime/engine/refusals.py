"""Requests that cannot run, each with one plain sentence. Pure."""

from __future__ import annotations

from llamapack_runtime.engine.types import Failed, Request

MAX_STOP_STRINGS = 64
MAX_STOP_CHARACTERS = 4096


def refuse(request: Request, *, n_ctx: int, n_vocab: int) -> Failed | None:
    """Why a request can never run, or None."""
    tokens, characters = request.prompt_tokens, sum(map(len, request.stop))
    if not tokens:
        return bad_request("The prompt is empty; send at least one token of text.")
    if min(tokens) < 0 or max(tokens) >= n_vocab:
        return bad_request(f"Prompt tokens must lie between 0 and {n_vocab - 1}.")
    if len(tokens) > n_ctx:
        return Failed(
            f"The prompt has {len(tokens)} tokens, but the context holds {n_ctx};"
            " shorten it or start with a larger --ctx-size.",
            400,
            "context_length_exceeded",
        )
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

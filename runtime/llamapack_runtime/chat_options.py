"""The options that say how a chat is put to the model where a request does not: llama-server's."""

from __future__ import annotations

from typing import Any

from llamapack_runtime.errors import UsageError
from llamapack_runtime.option import Option

CHAT_OPTIONS = (
    Option(
        "reasoning",
        "let the model think before it answers: on, off or auto (default: auto)",
        other_names=("-rea",),
        placeholder="WHEN",
        choices=("on", "off", "auto"),
        group="Answers",
    ),
    Option(
        "reasoning-effort",
        "how much it thinks, where its chat template knows: minimal, low, medium or high",
        placeholder="LEVEL",
        choices=("minimal", "low", "medium", "high"),
        group="Answers",
    ),
    Option(
        "reasoning-budget",
        "most tokens of thinking; -1: no limit, 0: none (default: -1)",
        "integer",
        placeholder="N",
        low=-1,
        high=2**31 - 1,
        group="Answers",
    ),
    Option(
        "chat-template-kwargs",
        'more variables of the chat template, as a JSON object: {"name": value}',
        placeholder="JSON",
        group="Answers",
    ),
    Option(
        "stop",
        "a text at which every answer of a chat ends; several: again",
        other_names=("-r", "--reverse-prompt"),
        placeholder="TEXT",
        is_list=True,
        has_commas=True,
        group="Answers",
    ),
    Option(
        "opening-messages",
        "messages that every conversation begins with, as examples, as a JSON array: "
        '[{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hi!"}]',
        placeholder="JSON",
        group="Answers",
    ),
)

MAX_STOPS = 32
MAX_STOP_CHARACTERS = 1000
OPENING_ROLES = ("user", "assistant")
MAX_OPENINGS = 200


def check_stops(texts: tuple[str, ...]) -> None:
    """UsageError when they are too many or too long: each token is looked at for all of them."""
    if len(texts) > MAX_STOPS or any(len(text) > MAX_STOP_CHARACTERS for text in texts):
        raise UsageError(
            f"--stop takes up to {MAX_STOPS} texts of up to {MAX_STOP_CHARACTERS:,} characters."
        )


def parse_opening_messages(text: str | None) -> tuple[tuple[str, str], ...]:
    """Pairs of a role and what it says. UsageError when it is no such list."""
    if text is None:
        return ()
    import json  # only where it is given: every start would wait for it

    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, list) or not 0 < len(value) <= MAX_OPENINGS:
        raise _no_openings(text)
    return tuple(_opening(raw, text) for raw in value)


def _opening(raw: object, text: str) -> tuple[str, str]:
    if isinstance(raw, dict) and set(raw) == {"role", "content"}:
        role, content = raw["role"], raw["content"]
        if role in OPENING_ROLES and isinstance(content, str) and content:
            return role, content
    raise _no_openings(text)


def _no_openings(text: str) -> UsageError:
    return UsageError(
        f"--opening-messages must be a JSON array of up to {MAX_OPENINGS} objects with a role "
        f"(user or assistant) and a content that is not empty, not '{text[:200]}'."
    )


def parse_template_variables(text: str | None) -> dict[str, Any]:
    """UsageError when it is no JSON object."""
    if text is None:
        return {}
    import json  # only where it is given: every start would wait for it

    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise UsageError(f"--chat-template-kwargs must be a JSON object, not '{text[:200]}'.")
    return value

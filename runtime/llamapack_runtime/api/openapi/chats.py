"""What the routes of the kept chats do. The page uses nothing else of them."""

from __future__ import annotations

from typing import Any

from llamapack_runtime.api.body import FILES_PATH
from llamapack_runtime.api.chats.requests import (
    ChatChanges,
    Confirmation,
    NewAnswer,
    NewChat,
    TasteChanges,
)
from llamapack_runtime.api.openapi.operation import EVENTS, Method, Operation

_GONE, _KEPT = frozenset({404}), frozenset({501, 507})
_INFO = ("id", "title", "is_titled", "is_pinned", "created_ms", "updated_ms", "head", "model")
_TASTE = ("preset", "instructions", "sampling", "thinking", "model", "adapters")
_FILE = ("id", "name", "kind", "size_bytes", "characters", "pages", "tokens", "created_ms")
_CHAT = "/llamapack/chats/{chat:str}"
_ANSWER = "/llamapack/answers/{answer:str}"


def _operation(method: Method, path: str, summary: str, **more: Any) -> Operation:
    refusals = _KEPT | more.pop("refusals", frozenset())
    return Operation(
        dialect="llamapack",
        method=method,
        paths=(path,),
        summary=summary,
        refusals=refusals,
        **more,
    )


OPERATIONS = (
    _operation(
        "get",
        "/llamapack/chats",
        "List the chats that are kept, pinned ones first, or find those with some words",
        reply=("chats", "next"),
        query=(
            ("limit", "The most chats to list, 1 to 200; 50 unless told"),
            ("cursor", "What `next` was in the reply before"),
            (
                "query",
                "Words to find in titles, messages, names of files; each chat has an excerpt then",
            ),
        ),
    ),
    _operation(
        "post",
        "/llamapack/chats",
        "Begin a chat",
        request=NewChat,
        status=201,
        reply=_INFO,
        refusals=_GONE,
    ),
    _operation(
        "delete",
        "/llamapack/chats",
        "Delete all chats, files and settings",
        request=Confirmation,
        status=204,
    ),
    _operation(
        "get",
        "/llamapack/chats/export",
        "Download all chats, or one",
        media_types=("application/json", "text/markdown"),
        reply={},
        query=(
            ("format", "json, which can be imported, unless told, or markdown"),
            ("chat", "The id of the only chat to download"),
        ),
        refusals=_GONE,
    ),
    _operation(
        "post",
        "/llamapack/chats/import",
        "Add the chats of a JSON download: all of them or none",
        request=dict[str, Any],
        status=201,
        reply=("chats", "messages"),
    ),
    _operation(
        "get",
        _CHAT,
        "Show a chat with all its messages, which are a tree: siblings are other tries",
        reply=("chat", "messages"),
        refusals=_GONE,
    ),
    _operation(
        "patch",
        _CHAT,
        "Rename a chat, pin it, or show another of its branches",
        request=ChatChanges,
        reply=_INFO,
        refusals=_GONE,
    ),
    _operation("delete", _CHAT, "Delete a chat", status=204, refusals=_GONE),
    _operation(
        "post",
        f"{_CHAT}/answers",
        "Say something in a chat and have it answered, have another answer, or more of one",
        description="The program writes the answer whether anyone listens or not; see the events.",
        request=NewAnswer,
        status=202,
        reply=("messages", "chat"),
        refusals=_GONE | {409},
    ),
    _operation(
        "post",
        FILES_PATH,
        "Upload a file to talk about: a text, a PDF or a .docx, and a PNG or JPEG for a model that "
        "sees",
        description="At most 64 MiB, and 4 MiB for a picture. Its text, or the picture, is kept, "
        "and forgotten when no message has it within a day.",
        body="application/octet-stream",
        query=(("name", "What it is called, such as report.pdf"),),
        status=201,
        reply=_FILE,
        refusals=frozenset({422}),
    ),
    _operation(
        "get",
        f"{FILES_PATH}/{{file:str}}",
        "Show a file's text, with form feeds between pages; that of a picture is empty",
        reply=(*_FILE, "text"),
        refusals=_GONE,
    ),
    _operation(
        "get",
        f"{FILES_PATH}/{{file:str}}/picture",
        "Download a picture as it was uploaded",
        media_types=("image/png", "image/jpeg"),
        reply={},
        refusals=_GONE,
    ),
    _operation(
        "delete",
        f"{FILES_PATH}/{{file:str}}",
        "Delete a file that no message has",
        status=204,
        refusals=_GONE | {409},
    ),
    _operation(
        "post",
        f"{_ANSWER}/stop",
        "Stop writing an answer; what there is of it stays",
        request=dict[str, Any],
        status=202,
        reply=("status",),
        refusals=_GONE,
    ),
    _operation(
        "post",
        f"{_ANSWER}/answer-now",
        "End the thinking before an answer",
        request=dict[str, Any],
        status=202,
        reply=("status",),
        refusals=_GONE,
    ),
    _operation(
        "get",
        "/llamapack/events",
        "Tell what happens to the chats, and word by word in one of them",
        media_types=(EVENTS,),
        reply={},
        query=(
            ("chat", "The chat whose messages are told"),
            ("page", "The name of the page that listens; see /llamapack/leave"),
        ),
    ),
    _operation(
        "get",
        "/llamapack/settings",
        "Say how answers in chats are wanted",
        reply=_TASTE,
    ),
    _operation(
        "patch",
        "/llamapack/settings",
        "Change how answers in chats are wanted",
        request=TasteChanges,
        reply=_TASTE,
        refusals=_GONE,
    ),
)

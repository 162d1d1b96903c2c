"""What the store of chats gives back. Times are milliseconds since the epoch.

Offsets count characters (code points), which JavaScript's strings do not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from llamapack_runtime.files.types import FileKind, PictureKind

Role = Literal["user", "assistant"]
Status = Literal["answering", "done", "length", "stopped", "interrupted", "failed"]


@dataclass(frozen=True, slots=True)
class ChatInfo:
    """`is_titled`: named by the user. `head` is the last message of the branch that is shown.
    `model`: the one that was chosen for it, if one was."""

    id: str
    title: str
    is_titled: bool
    is_pinned: bool
    created_ms: int
    updated_ms: int
    head: str | None
    model: str | None = None


@dataclass(frozen=True, slots=True)
class FileInfo:
    """What a file is, without what it says. `size_bytes` is what was uploaded, `characters` is the
    length of its text, which a picture has none of. `pages` None: it has none; `tokens` None: not
    counted yet."""

    id: str
    name: str
    kind: FileKind | PictureKind
    size_bytes: int
    characters: int
    pages: int | None
    tokens: int | None
    created_ms: int

    @property
    def is_picture(self) -> bool:
        return self.kind in ("png", "jpeg")


@dataclass(frozen=True, slots=True)
class Source:
    """A passage that was read for an answer, which may cite it as [n]; `file` is the id of the file
    that it is from."""

    n: int
    file: str
    name: str
    page: int | None
    text: str


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """A chat's messages form a tree: those with the same `parent` are branches. A message is
    always younger than its parent. `figures` is what was measured while answering. `files` came
    with a user's message; `sources` were looked up for an answer."""

    id: str
    chat: str
    parent: str | None
    role: Role
    content: str
    reasoning: str
    status: Status
    error: str | None
    created_ms: int
    figures: Mapping[str, object] | None
    files: tuple[FileInfo, ...] = ()
    sources: tuple[Source, ...] = ()


@dataclass(frozen=True, slots=True)
class ChatTree:
    """One chat with all its messages, oldest first."""

    chat: ChatInfo
    messages: tuple[StoredMessage, ...]

    def branch(self) -> tuple[StoredMessage, ...]:
        """The messages that are shown: from the first to the chat's head."""
        by_id = {message.id: message for message in self.messages}
        shown = []
        message = by_id.get(self.chat.head or "")
        while message is not None:
            shown.append(message)
            message = by_id.get(message.parent or "")
        return tuple(reversed(shown))


@dataclass(frozen=True, slots=True)
class ChatPage:
    """`next` is the cursor of the page after this one, None when there is none."""

    chats: tuple[ChatInfo, ...]
    next: str | None


@dataclass(frozen=True, slots=True)
class Excerpt:
    """A piece of text on one line, and the ranges [start, end) in it that were searched for."""

    text: str
    marks: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class ChatMatch:
    """A chat that was found. The excerpt is of its newest message that matches, else its title."""

    chat: ChatInfo
    excerpt: Excerpt


@dataclass(frozen=True, slots=True)
class Imported:
    """How many chats and messages were added."""

    chats: int
    messages: int


@dataclass(frozen=True, slots=True)
class StoredPassage:
    """A part of a file's text. Of two of one file the earlier one has the smaller `number`."""

    number: int
    file: str
    page: int | None
    text: str

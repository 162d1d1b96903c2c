"""The JSON that chats leave as and come back from: {"format": "llamapack-chats", "version": 1,
"chats": [{…, "messages": […]}]} with the messages of each chat in an order in which a parent comes
before its answers. A message's files bring their text, or picture, where the chat has them first.
Pure."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from llamapack_runtime.files.types import PAGE_BREAK, FileKind, PictureKind
from llamapack_runtime.store.attachments import MAX_FILES
from llamapack_runtime.store.errors import NotStorable
from llamapack_runtime.store.files import check_size
from llamapack_runtime.store.pictures import read_url
from llamapack_runtime.store.rows import check_text, json_of
from llamapack_runtime.store.schema import MAX_MESSAGES
from llamapack_runtime.store.types import Role, Status

MAX_FILE_BYTES = 256 * 1024 * 1024
MAX_SOURCES = 100  # of one message
VERSION = 1

_Time = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
_Id = Annotated[str, msgspec.Meta(max_length=100)]


class AttachedFile(msgspec.Struct, omit_defaults=True):
    """`id` is a name within this chat of this file. `text` None: that of an earlier message's file
    with the same name. `picture`: the data: URL of one, whose text is empty."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=1000)]
    kind: FileKind | PictureKind
    pages: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] | None
    id: _Id = ""
    size_bytes: Annotated[int, msgspec.Meta(ge=0, le=2**53)] | None = None
    text: str | None = None
    picture: str | None = None

    @property
    def picture_data(self) -> bytes | None:
        """None for what is no picture. NotStorable for a picture that cannot be kept."""
        if self.kind != "png" and self.kind != "jpeg":
            return None
        if self.picture is None or self.text:
            raise NotStorable(f"the picture {self.name!r} is not there, or has a text")
        return read_url(self.picture, self.kind, self.name)


class CitedSource(msgspec.Struct):
    """`file` is the `id` of an attached file."""

    n: Annotated[int, msgspec.Meta(ge=1, le=1000)]
    file: _Id
    name: Annotated[str, msgspec.Meta(max_length=1000)]
    page: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] | None
    text: Annotated[str, msgspec.Meta(max_length=10_000)]


class FileMessage(msgspec.Struct):
    """`id` and `parent` are names within this chat of this file."""

    id: _Id
    role: Role
    content: str
    created_ms: _Time
    parent: _Id | None = None
    reasoning: str = ""
    status: Status = "done"
    error: str | None = None
    figures: dict[str, object] | None = None
    files: Annotated[list[AttachedFile], msgspec.Meta(max_length=MAX_FILES)] = []
    sources: Annotated[list[CitedSource], msgspec.Meta(max_length=MAX_SOURCES)] = []


class ChatHead(msgspec.Struct):
    title: str
    created_ms: _Time
    updated_ms: _Time
    is_titled: bool = False
    is_pinned: bool = False
    head: _Id | None = None


class FileChat(ChatHead):
    messages: list[FileMessage] = []


class _File(msgspec.Struct):
    format: Literal["llamapack-chats"]
    version: int
    chats: list[msgspec.Raw]


def chats_of(data: bytes | memoryview) -> list[msgspec.Raw]:
    """The chats in a file, none of them read yet. NotStorable when it is no such file."""
    if len(data) > MAX_FILE_BYTES:
        raise NotStorable(
            f"The file has {len(data) / 1024**2:.0f} MiB; chats are read from files of at most "
            f"{MAX_FILE_BYTES // 1024**2} MiB."
        )
    try:
        file = msgspec.json.decode(data, type=_File)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise NotStorable(f"This is not a file of exported chats: {error}.") from error
    if file.version != VERSION:
        raise NotStorable(
            f"The file has version {file.version} of the format of exported chats, and this "
            f"program reads version {VERSION}."
        )
    return file.chats


def read_chat(raw: msgspec.Raw, nth: int) -> FileChat:
    """The `nth` chat of the file, checked. NotStorable when it cannot be kept as it is."""
    try:
        chat = msgspec.json.decode(raw, type=FileChat)
        _check(chat)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, NotStorable) as error:
        reason = str(error).rstrip(".")
        raise NotStorable(f"Chat {nth} in the file cannot be read: {reason}.") from error
    return chat


def _check(chat: FileChat) -> None:
    if len(chat.messages) > MAX_MESSAGES:
        raise NotStorable(f"it has more than {MAX_MESSAGES} messages")
    seen: set[str] = set()
    files: set[str] = set()
    for message in chat.messages:
        if message.id in seen:
            raise NotStorable(f"two messages have the id {message.id!r}")
        if message.parent is not None and message.parent not in seen:
            raise NotStorable(f"the parent of message {message.id!r} does not come before it")
        check_text(message.content, message.reasoning)
        json_of(message.figures)
        _check_files(message, files)
        seen.add(message.id)
    if chat.head is not None and chat.head not in seen:
        raise NotStorable("its head is not one of its messages")


def _check_files(message: FileMessage, known: set[str]) -> None:
    """`known` are the chat's files so far."""
    for one in message.files:
        if one.text is None:
            if one.id not in known:
                raise NotStorable(f"the file {one.name!r} has no text")
            continue
        check_size(one.text, one.name)
        if one.picture_data is None and one.picture is not None:
            raise NotStorable(f"the file {one.name!r} is a {one.kind} and has a picture")
        if one.text.count(PAGE_BREAK) != (one.pages or 1) - 1:
            raise NotStorable(f"the pages of the file {one.name!r} are not between form feeds")
        if one.id in known:
            raise NotStorable(f"two files have the id {one.id!r}")
        known |= {one.id} - {""}
    if len({one.n for one in message.sources}) < len(message.sources):
        raise NotStorable(f"two sources of message {message.id!r} have the same number")
    for source in message.sources:
        if source.file not in known:
            raise NotStorable(f"no file of the chat has the id {source.file!r} of a source")

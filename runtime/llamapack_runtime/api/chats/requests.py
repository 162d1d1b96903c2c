"""The bodies of the chats' routes."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, UnsetType

from llamapack_runtime.api.chats.taste import MAX_INSTRUCTIONS, AdapterScales, Preset, Sampling

MAX_TEXT = 1024 * 1024  # characters of one message
MAX_FILES = 20  # of one message

ModelName = Annotated[str, msgspec.Meta(min_length=1, max_length=1024)]
Id = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{16}$")]


class NewChat(msgspec.Struct, forbid_unknown_fields=True):
    """A chat begins empty, with the model that was chosen last unless it names one."""

    model: ModelName | None = None


class ChatChanges(msgspec.Struct, forbid_unknown_fields=True):
    """`head`: the last message of the branch to show. `model`: which one answers from now on, in
    this chat and in those that are begun after it."""

    title: Annotated[str, msgspec.Meta(min_length=1, max_length=200)] | UnsetType = UNSET
    is_pinned: bool | UnsetType = UNSET
    head: Id | UnsetType = UNSET
    model: ModelName | UnsetType = UNSET


class Confirmation(msgspec.Struct, forbid_unknown_fields=True):
    confirm: Literal[True]


class NewAnswer(msgspec.Struct, forbid_unknown_fields=True):
    """One of: a new message (`content`, behind `parent`, with `files`), another answer to a message
    (`answers`), or more of an answer (`continues`). A message beside another one of the branch that
    is shown has that one's files, unless it names its own."""

    content: Annotated[str, msgspec.Meta(max_length=MAX_TEXT)] | None = None
    parent: Id | None = None
    files: Annotated[list[Id], msgspec.Meta(max_length=MAX_FILES)] | UnsetType = UNSET
    answers: Id | None = None
    continues: Id | None = None


class TasteChanges(msgspec.Struct, forbid_unknown_fields=True):
    """What is not named stays as it is."""

    preset: Preset | UnsetType = UNSET
    instructions: Annotated[str, msgspec.Meta(max_length=MAX_INSTRUCTIONS)] | UnsetType = UNSET
    sampling: Sampling | UnsetType = UNSET
    thinking: bool | UnsetType | None = UNSET
    model: ModelName | UnsetType | None = UNSET
    adapters: AdapterScales | UnsetType = UNSET

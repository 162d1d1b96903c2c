"""From the messages of a branch to what is said in turns, with the texts of files, and pictures, in
their places. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from llamapack_runtime.api.chats.documents import (
    NO_QUESTION,
    NO_QUESTION_OF_PICTURES,
    mention,
    unseen,
)
from llamapack_runtime.chat.types import Image, Message
from llamapack_runtime.store.types import FileInfo, Role, StoredMessage


@dataclass(frozen=True, slots=True)
class Turn:
    """What one side says in a row: texts, each with the files that came with it."""

    role: Role
    parts: tuple[tuple[tuple[FileInfo, ...], str], ...]
    reasoning: str | None = None

    @property
    def files(self) -> tuple[FileInfo, ...]:
        return tuple(file for files, _ in self.parts for file in files)


def turns_of(branch: Sequence[StoredMessage], *, continues: bool) -> list[Turn]:
    """User and assistant take turns: an answer of which nothing came is left out, and what the
    user said in a row becomes one turn. `continues`: the last message is to be gone on with."""
    turns: list[Turn] = []
    for one in branch:
        is_continued = continues and one is branch[-1]
        if not (one.content or one.files or is_continued):
            continue
        part = one.files, _said(one)
        if turns and turns[-1].role == one.role:
            turns[-1] = replace(turns[-1], parts=(*turns[-1].parts, part))
        else:
            reasoning = (one.reasoning or None) if is_continued else None
            turns.append(Turn(one.role, (part,), reasoning))
    return turns


def messages_of(
    turns: Sequence[Turn],
    start: int,
    texts: Mapping[str, str],
    passages: str = "",
    pictures: Mapping[str, Image] | None = None,
) -> list[Message]:
    """Those from `start` on. `texts` are what is read of files, by their ids: each stands once,
    before what was said with it; those of turns that are left out open the first that is not.
    `passages` open the user's last turn, and name the files themselves. `pictures`, by their ids,
    are those that the model sees; each stands once, and goes with its turn."""
    teller = _Teller(texts, pictures or {})
    opening = teller.read([file for turn in turns[:start] for file in turn.files])
    last = max((place for place, one in enumerate(turns) if one.role == "user"), default=-1)
    messages = []
    for place, turn in enumerate(turns[start:], start):
        is_told = bool(passages) and place == last
        said = [text for part in turn.parts for text in teller.part(*part, is_told=is_told)]
        before = [*opening, passages] if is_told else opening
        content = "\n\n".join([*before, *said])
        images = teller.take_images()
        messages.append(Message(turn.role, content, reasoning=turn.reasoning, images=images))
        opening = []
    return messages


class _Teller:
    """Says of each file what is read of it, once."""

    def __init__(self, texts: Mapping[str, str], pictures: Mapping[str, Image]) -> None:
        self._texts = texts
        self._pictures = pictures
        self._told: set[str] = set()
        self._images: list[Image] = []  # whose marks stand in the turn that is written

    def part(self, files: Sequence[FileInfo], said: str, *, is_told: bool) -> list[str]:
        """What is read with a text, and the text. Documents that are read elsewhere are named,
        unless that `is_told`, and so are pictures that are not seen."""
        documents = [file for file in files if not file.is_picture]
        elsewhere = [one for one in documents if one.id in self._told or one.id not in self._texts]
        mentioned = [mention(elsewhere)] if elsewhere and not is_told else []
        return [*mentioned, *self.read(documents), *self._look(files, said)]

    def read(self, files: Sequence[FileInfo]) -> list[str]:
        return [self._texts[name] for name in self._new(files, self._texts)]

    def take_images(self) -> tuple[Image, ...]:
        taken, self._images = self._images, []
        return tuple(taken)

    def _look(self, files: Sequence[FileInfo], said: str) -> list[str]:
        """The marks of pictures right before what was said with them."""
        pictures = [file for file in files if file.is_picture]
        again = [one for one in pictures if one.id in self._told]
        hidden = [one for one in pictures if one.id not in self._pictures]
        images = [self._pictures[name] for name in self._new(pictures, self._pictures)]
        self._images += images
        marks = "".join(image.mark for image in images)
        return [
            *([mention(again)] if again else []),
            *([unseen(hidden)] if hidden else []),
            f"{marks}\n{said}" if marks else said,
        ]

    def _new(self, files: Sequence[FileInfo], known: Mapping[str, object]) -> list[str]:
        """The ids of those that are known and were not told yet."""
        new = dict.fromkeys(file.id for file in files if file.id in known)
        found = [name for name in new if name not in self._told]
        self._told.update(found)
        return found


def _said(message: StoredMessage) -> str:
    if message.content.strip() or not message.files:
        return message.content
    is_seen = all(file.is_picture for file in message.files)
    return NO_QUESTION_OF_PICTURES if is_seen else NO_QUESTION

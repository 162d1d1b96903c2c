"""From a branch of stored messages to what the model reads. Blocking: templates and tokens.

The whole texts of files stand in the turn that brought them, and at the same place in every prompt
of the chat, so that they are read once. Where there is no room for them, the last question comes
with passages. Pictures stand in the turn that brought them, and are left out with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from llamapack_runtime.api.chats import documents
from llamapack_runtime.api.chats.library import Library, count_tokens
from llamapack_runtime.api.chats.script import Turn, messages_of, turns_of
from llamapack_runtime.api.chats.taste import Taste
from llamapack_runtime.api.fitting import fitted
from llamapack_runtime.chat.errors import ChatError
from llamapack_runtime.chat.prompt import Prompt
from llamapack_runtime.chat.types import Chat, Message, Thinking
from llamapack_runtime.store.types import FileInfo, Source, StoredMessage

if TYPE_CHECKING:  # the session brings the template engine: the page must not wait for its import
    from llamapack_runtime.chat.session import Session

# Of the context, what stays free for an answer before old messages are left out: a quarter, but
# no more tokens than this.
MAX_ROOM = 1024
# Passages take what the context leaves, half of it at least. No more than four of them, or smaller
# ones: they are read anew for each question, on processors that may read 20 tokens a second.
MAX_PASSAGE_TOKENS = 1200
_SLACK = 8  # tokens: a text in its place may have more than alone


@dataclass(frozen=True, slots=True)
class Reading:
    """What is read for an answer. `n_left_out` of the oldest messages had no room. `files`: how
    those of the branch are read; None where it has none."""

    prompt: Prompt
    n_left_out: int
    files: Literal["whole", "passages"] | None = None
    sources: tuple[Source, ...] = ()


def read_branch(
    session: Session,
    branch: Sequence[StoredMessage],
    taste: Taste,
    library: Library,
    *,
    continues: bool,
) -> Reading:
    """`continues`: the answer goes on where the last message ends, with the passages that it has.
    ChatError when the template refuses it all, StoreError when a file cannot be read."""
    most = session.n_ctx - min(MAX_ROOM, session.n_ctx // 4)
    scribe = _Scribe(session, branch, taste, library, most, continues=continues)
    if not scribe.files:
        return Reading(*scribe.fitted(most))
    if sum(map(library.tokens, scribe.files)) <= most:
        texts = {one.id: documents.whole(one, library.text(one)) for one in scribe.files}
        prompt, n_left_out = scribe.fitted(most, texts)
        if len(prompt.tokens) <= most:
            return Reading(prompt, n_left_out, "whole")
    known = branch[-1].sources if continues else ()
    return _with_passages(scribe, session, library, most, known)


def _with_passages(
    scribe: _Scribe, session: Session, library: Library, most: int, known: tuple[Source, ...]
) -> Reading:
    prompt, n_left_out = scribe.fitted(most - min(MAX_PASSAGE_TOKENS, most // 2))
    room = min(MAX_PASSAGE_TOKENS, most - len(prompt.tokens))
    room -= count_tokens(session.vocabulary, documents.BEFORE_PASSAGES) + _SLACK
    sources = known or library.look_up(scribe.files, *scribe.questions, room)
    while sources:
        with_them = scribe.prompt(n_left_out, passages=documents.passages(sources))
        if len(with_them.tokens) <= most:
            return Reading(with_them, n_left_out, "passages", sources)
        sources = sources[:-1]
    return Reading(prompt, n_left_out, "passages")


class _Scribe:
    """Writes prompts of one branch."""

    def __init__(
        self,
        session: Session,
        branch: Sequence[StoredMessage],
        taste: Taste,
        library: Library,
        most: int,
        *,
        continues: bool,
    ) -> None:
        """`most` tokens are what pictures have room in."""
        self._session = session
        self._taste = taste
        self._continues = continues
        self._turns = turns_of(branch, continues=continues)
        self._system = _system(session, taste)
        asked = [one.content for one in branch if one.role == "user"]
        self.questions = (["", "", *asked][-1], ["", "", *asked][-2])  # the last, and before it
        every = [file for one in branch if one.role == "user" for file in one.files]
        self.files = tuple({file.id: file for file in every if not file.is_picture}.values())
        self._pictures = library.seen(*_pictures(every, self._turns), most)

    def fitted(self, most: int, texts: Mapping[str, str] | None = None) -> tuple[Prompt, int]:
        """Without the oldest turns that there is no room for, and how many messages those are."""
        asked = [place for place, turn in enumerate(self._turns) if turn.role == "user"]
        starts = [0, *(place for place in asked if place > 0)]
        return fitted(lambda start: self.prompt(start, texts or {}), starts, most)

    def prompt(
        self, start: int, texts: Mapping[str, str] | None = None, passages: str = ""
    ) -> Prompt:
        """Of the turns from `start` on; see `messages_of`."""
        said = messages_of(self._turns, start, texts or {}, passages, self._pictures)
        chat = Chat(
            (*self._system, *said),
            thinking=Thinking(enabled=self._taste.thinking),
            continues_last=self._continues,
        )
        try:
            return self._session.prepare(chat)
        except ChatError as error:
            # Here it is a wish for every model, not a demand on this one.
            if error.about != "thinking":
                raise
            return self._session.prepare(replace(chat, thinking=Thinking()))


def _pictures(files: Sequence[FileInfo], turns: Sequence[Turn]) -> tuple[list[FileInfo], int]:
    """Each once, and how many of them the last question brought."""
    asked = next((turn.files for turn in reversed(turns) if turn.role == "user"), ())
    found = {file.id: file for file in files if file.is_picture}
    return [*found.values()], len({file.id for file in asked} & found.keys())


def _system(session: Session, taste: Taste) -> tuple[Message, ...]:
    """The packed prompt comes by itself where there is nothing else to say."""
    if not taste.instructions.strip():
        return ()
    texts = [session.system_prompt or "", taste.instructions]
    return (Message("system", "\n\n".join(text.strip() for text in texts if text.strip())),)

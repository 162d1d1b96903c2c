"""The store of chats against a dict: whatever is done in whatever order, both say the same."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from llamapack_runtime.store.chats import ChatStore
from llamapack_runtime.store.files import NewFile
from llamapack_runtime.store.questions import terms_of
from llamapack_runtime.store.titles import clean, title_of
from llamapack_runtime.store.types import Status
from runtime.store.chat_files import ticking

WORDS = st.lists(st.sampled_from(["ant", "bee", "好", "你好", "Été", "?"]), max_size=4).map(
    " ".join
)
NAME = "?.txt"  # of every file
ENDS: list[Status] = ["done", "length", "stopped", "interrupted", "failed"]


@dataclass
class Message:
    parent: str | None
    role: str
    content: str
    reasoning: str = ""
    status: str = "done"
    files: tuple[str, ...] = ()


@dataclass
class Chat:
    title: str = ""
    is_titled: bool = False
    is_pinned: bool = False
    head: str | None = None
    place: int = 0
    messages: dict[str, Message] = field(default_factory=dict)

    def has(self, word: str) -> bool:
        said = [one.content for one in self.messages.values() if one.status != "answering"]
        return any(word in text for text in (self.title, *said))

    @property
    def files(self) -> set[str]:
        return {one for message in self.messages.values() for one in message.files}


class Chats(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name, "chats.sqlite3")
        self.clock = ticking()
        self.store = ChatStore.open(self.path, self.clock)
        self.moments = 0
        self.chats: dict[str, Chat] = {}
        self.files: dict[str, str] = {}  # by their id, what they say

    def teardown(self) -> None:
        self.store.close()
        self.folder.cleanup()

    def chosen(self, data: st.DataObject) -> tuple[str, Chat]:
        """By place: the names are random, and an example must be repeatable."""
        name = [*self.chats][data.draw(st.integers(0, len(self.chats) - 1))]
        return name, self.chats[name]

    def moved(self, chat: Chat) -> None:
        self.moments += 1
        chat.place = self.moments

    @precondition(lambda self: len(self.chats) < 4)
    @rule()
    def create(self) -> None:
        chat = self.chats[self.store.create().id] = Chat()
        self.moved(chat)

    @precondition(lambda self: self.chats)
    @rule(data=st.data(), text=WORDS, role=st.sampled_from(["user", "assistant"]))
    def add(self, data: st.DataObject, text: str, role: str) -> None:
        name, chat = self.chosen(data)
        parents = [None, *chat.messages]
        parent = parents[data.draw(st.integers(0, len(parents) - 1))]
        files: tuple[str, ...] = ()
        if role == "user":
            files = tuple(self.files)[: data.draw(st.integers(0, len(self.files)))]
            added = self.store.add_message(name, "user", text, parent=parent, files=files)
        else:
            added = self.store.add_message(
                name, "assistant", text, parent=parent, status="answering"
            )
        chat.messages[added.id] = Message(parent, role, text, "", added.status, files)
        chat.head = added.id
        self.moved(chat)
        if role == "user" and not chat.title:
            chat.title = self.automatic(chat)

    @precondition(lambda self: len(self.files) < 3)
    @rule(text=WORDS)
    def upload(self, text: str) -> None:
        file = NewFile(NAME, "text", None, text, 1)
        self.files[self.store.files.add(file).id] = text

    @precondition(lambda self: self.loose())
    @rule()
    def delete_file(self) -> None:
        name = self.loose()[0]
        self.store.files.delete(name)
        del self.files[name]

    @precondition(lambda self: self.answers())
    @rule(data=st.data(), text=WORDS, more=st.booleans(), thought=WORDS)
    def save(self, data: st.DataObject, text: str, more: bool, thought: str) -> None:
        answers = self.answers()
        name, chat, kept = answers[data.draw(st.integers(0, len(answers) - 1))]
        kept.content = f"{kept.content} {text}" if more else text  # two words stay two
        kept.reasoning = kept.reasoning + thought if more else thought
        kept.status = "answering"
        self.store.save_answer(name, kept.content, kept.reasoning, "answering")
        if data.draw(st.booleans()):
            status = data.draw(st.sampled_from(ENDS))
            self.store.save_answer(name, kept.content, kept.reasoning, status)
            kept.status = status
            self.moved(chat)

    @precondition(lambda self: self.chats)
    @rule(data=st.data(), title=WORDS)
    def rename(self, data: st.DataObject, title: str) -> None:
        name, chat = self.chosen(data)
        self.store.rename(name, title)
        chat.title, chat.is_titled = clean(title) or self.automatic(chat), bool(clean(title))

    @precondition(lambda self: self.chats)
    @rule(data=st.data(), is_pinned=st.booleans())
    def pin(self, data: st.DataObject, is_pinned: bool) -> None:
        name, chat = self.chosen(data)
        self.store.pin(name, is_pinned)
        chat.is_pinned = is_pinned

    @precondition(lambda self: any(chat.messages for chat in self.chats.values()))
    @rule(data=st.data())
    def set_head(self, data: st.DataObject) -> None:
        pairs = [(name, one) for name, chat in self.chats.items() for one in chat.messages]
        name, head = pairs[data.draw(st.integers(0, len(pairs) - 1))]
        self.store.set_head(name, head)
        self.chats[name].head = head

    @precondition(lambda self: self.chats)
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        name, chat = self.chosen(data)
        self.store.delete(name)
        del self.chats[name]
        for file in chat.files & {*self.loose()}:
            del self.files[file]

    @precondition(lambda self: len(self.chats) > 2)
    @rule()
    def delete_all(self) -> None:
        self.store.delete_all()
        self.chats.clear()
        self.files.clear()

    @rule()
    def reopen(self) -> None:
        self.store.close()
        self.store = ChatStore.open(self.path, self.clock)
        for _, _, kept in self.answers():
            if kept.status == "answering":
                kept.status = "interrupted"

    @invariant()
    def all_is_as_it_should_be(self) -> None:
        shown = sorted(self.chats, key=lambda name: self.chats[name].place, reverse=True)
        shown.sort(key=lambda name: not self.chats[name].is_pinned)
        assert [chat.id for chat in self.store.list().chats] == shown
        for name, chat in self.chats.items():
            tree = self.store.chat(name)
            told = tree.chat
            assert (told.title, told.is_titled, told.is_pinned, told.head) == (
                (chat.title, chat.is_titled, chat.is_pinned, chat.head)
            )
            assert chat.messages == {
                one.id: Message(
                    one.parent,
                    one.role,
                    one.content,
                    one.reasoning,
                    one.status,
                    tuple(file.id for file in one.files),
                )
                for one in tree.messages
            }

    @invariant()
    def files_say_what_they_said(self) -> None:
        assert {name: self.store.files.text(name) for name in self.files} == self.files
        for word in ("ant", "bee", "你好"):
            terms = terms_of(word)
            expected = {name for name, text in self.files.items() if word in text}
            passages = self.store.files.read(self.store.files.find(self.files, terms, 9))
            assert {one.file for one in passages} == expected

    @invariant()
    def words_are_found_where_they_are(self) -> None:
        for word in ("ant", "Été", "好", "你好"):
            expected = {name for name, chat in self.chats.items() if chat.has(word)}
            assert {match.chat.id for match in self.store.search(word)} == expected, word

    def loose(self) -> list[str]:
        """Files that no message has."""
        taken = {file for chat in self.chats.values() for file in chat.files}
        return [name for name in self.files if name not in taken]

    def answers(self) -> list[tuple[str, Chat, Message]]:
        return [
            (name, chat, kept)
            for chat in self.chats.values()
            for name, kept in chat.messages.items()
            if kept.role == "assistant"
        ]

    @staticmethod
    def automatic(chat: Chat) -> str:
        asked = [one for one in chat.messages.values() if one.role == "user"]
        first = asked[0] if asked else Message(None, "user", "")
        return title_of(first.content or (NAME if first.files else ""))


TestChats = Chats.TestCase
TestChats.settings = settings(max_examples=30, stateful_step_count=30, deadline=None)

"""The user's chats, in one SQLite file. Blocking, from any thread. Knows nothing of HTTP, and
nothing of who answers.

Several processes may use the file at once. When one of them opens it, it takes answers that another
is still writing for interrupted; that lasts until the other saves the next time."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

from llamapack_runtime.store import (
    answers,
    exported,
    files,
    listing,
    passages,
    preferences,
    search,
    transfer,
)
from llamapack_runtime.store.attachments import NAMES, attach, keep_sources
from llamapack_runtime.store.database import Database, delete_those_aside
from llamapack_runtime.store.errors import NotFound, NotStorable
from llamapack_runtime.store.files import FileStore
from llamapack_runtime.store.indexed import Indexed
from llamapack_runtime.store.rows import (
    check_text,
    json_of,
    message_of,
    messages_of_chat,
    new_id,
    number_of_chat,
    number_of_message,
    select_chat,
    storable,
)
from llamapack_runtime.store.schema import MAX_MESSAGES, MIGRATIONS, PLACE_BITS
from llamapack_runtime.store.titles import clean, title_of
from llamapack_runtime.store.types import (
    ChatInfo,
    ChatMatch,
    ChatPage,
    ChatTree,
    Imported,
    Role,
    Source,
    Status,
    StoredMessage,
)

Clock = Callable[[], int]  # milliseconds since the epoch

_INSERT_CHAT = """
INSERT INTO chats (id, title, is_titled, is_pinned, created_ms, updated_ms, model)
VALUES (?, '', 0, 0, ?, ?, ?)
"""
_FIRST_QUESTION = f"""
SELECT content, {NAMES} FROM messages
WHERE chat = ? AND role = 'user' ORDER BY number LIMIT 1
"""  # noqa: S608 - constants of ours


class ChatStore:
    """Every method raises StoreError when the file cannot be used, and NotFound for an id that is
    not there (any more). `files` are those that its messages talk about."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._indexed = Indexed(database)
        self._clock = clock
        self.files = FileStore(self._indexed, clock)
        self._drafts: dict[str, answers.Draft] = {}

    @classmethod
    def open(cls, path: Path, clock: Clock) -> ChatStore:
        """Make the file, or open it; what was being answered is interrupted. A damaged file is set
        aside (see `set_aside`), one of a newer version is a StoreNewer. Files that no message has
        taken for a day are forgotten."""
        store = cls(Database(path, MIGRATIONS, "chats"), clock)
        try:
            with store._database.write() as connection:
                answers.interrupt_all(connection)
            store._indexed.index()
            store._indexed.index_files()
            store.files.forget_orphans()
        except BaseException:
            store.close()
            raise
        return store

    @property
    def set_aside(self) -> Path | None:
        """Where the damaged file is that was found when this was opened."""
        return self._database.set_aside

    def close(self) -> None:
        self._database.close()

    def list(self, limit: int = 50, cursor: str | None = None) -> ChatPage:
        """Pinned chats first, then the newest. `limit` is from 1 to 200; `cursor` is a page's
        `next`."""
        with self._database.read() as connection:
            return listing.page(connection, limit, cursor)

    def search(self, query: str, limit: int = 50) -> tuple[ChatMatch, ...]:
        """Chats that have all the words, the last of which may be only begun, in their title or in
        one message with the names of its files. Titles come first, then the newest."""
        limit = max(1, min(limit, listing.MAX_LIMIT))
        return self._indexed.find(lambda connection: tuple(search.find(connection, query, limit)))

    def chat(self, chat_id: str) -> ChatTree:
        """With all its messages, oldest first."""
        with self._database.read() as connection:
            number = number_of_chat(connection, chat_id)
            messages = tuple(messages_of_chat(connection, number))
            return ChatTree(select_chat(connection, number), messages)

    def info(self, chat_id: str) -> ChatInfo:
        """A chat without its messages."""
        with self._database.read() as connection:
            return select_chat(connection, number_of_chat(connection, chat_id))

    def create(self, model: str | None = None) -> ChatInfo:
        """An empty chat without a title."""
        now_ms = self._clock()
        with self._database.write() as connection:
            number = connection.execute(_INSERT_CHAT, (new_id(), now_ms, now_ms, model)).lastrowid
            assert number is not None, "a row was inserted"
            search.await_indexing(connection, number << PLACE_BITS)
            return select_chat(connection, number)

    def rename(self, chat_id: str, title: str) -> ChatInfo:
        """The user's title, cut to 200 characters. An empty one brings the automatic one back."""
        named = storable(clean(title))

        def rename(connection: sqlite3.Connection, number: int) -> None:
            _set_title(connection, number, named or _automatic(connection, number), bool(named))

        return self._change_chat(chat_id, rename)

    def pin(self, chat_id: str, is_pinned: bool) -> ChatInfo:
        def pin(connection: sqlite3.Connection, number: int) -> None:
            query = "UPDATE chats SET is_pinned = ? WHERE number = ?"
            connection.execute(query, (is_pinned, number))

        return self._change_chat(chat_id, pin)

    def choose_model(self, chat_id: str, model: str | None) -> ChatInfo:
        """Which model answers from now on."""

        def choose(connection: sqlite3.Connection, number: int) -> None:
            query = "UPDATE chats SET model = ? WHERE number = ?"
            connection.execute(query, (model, number))

        return self._change_chat(chat_id, choose)

    def set_head(self, chat_id: str, message_id: str) -> ChatInfo:
        """Which branch is shown: the one that ends with this message of the chat."""

        def set_head(connection: sqlite3.Connection, number: int) -> None:
            head = number_of_message(connection, number, message_id)
            connection.execute("UPDATE chats SET head = ? WHERE number = ?", (head, number))

        return self._change_chat(chat_id, set_head)

    def delete(self, chat_id: str) -> None:
        """With all its messages and their files. Nothing of it is left in the file."""

        def delete(connection: sqlite3.Connection) -> None:
            number = number_of_chat(connection, chat_id)
            search.take_chat_out(connection, number)
            its_files = files.of_chat_alone(connection, number)
            connection.execute("DELETE FROM chats WHERE number = ?", (number,))
            files.delete_all_of(connection, its_files)

        self._indexed.change(delete)
        self._indexed.sweep()
        self._database.shrink_if_worth_it()

    def delete_all(self) -> None:
        """Every chat, file and setting, and damaged files of earlier times. The file of chats
        becomes small again."""

        def delete_all(connection: sqlite3.Connection) -> None:
            search.take_all_out(connection)
            passages.take_all_out(connection)
            for table in ("chats", "files", "settings"):
                connection.execute(f"DELETE FROM {table}")  # noqa: S608 - constants of ours

        self._indexed.change(delete_all)
        self._drafts.clear()
        self._database.shrink()
        delete_those_aside(self._database.path)

    def add_message(
        self,
        chat_id: str,
        role: Role,
        content: str,
        *,
        parent: str | None,
        status: Status = "done",
        files: Sequence[str] = (),
    ) -> StoredMessage:
        """The new message is the chat's head. `parent` is a message of the same chat, None for a
        beginning; `files` are ids. NotStorable when it has more than 4 MiB, or 20 files. The chat's
        first question names it."""
        check_text(content, "")
        now_ms = self._clock()

        def add(connection: sqlite3.Connection) -> StoredMessage:
            chat = number_of_chat(connection, chat_id)
            above = None if parent is None else number_of_message(connection, chat, parent)
            number = _next_number(connection, chat)
            values = (number, chat, new_id(), above, role, status, now_ms, None, None)
            connection.execute(transfer.INSERT_MESSAGE, (*values, storable(content), ""))
            attach(connection, number, files)
            search.await_indexing(connection, number)
            query = "UPDATE chats SET head = ?, updated_ms = ? WHERE number = ?"
            connection.execute(query, (number, now_ms, chat))
            if role == "user" and not select_chat(connection, chat).title:
                _set_title(connection, chat, _automatic(connection, chat), False)
            return message_of(connection, number)

        added = self._indexed.change(add)
        self._indexed.index()
        return added

    def save_answer(
        self,
        message_id: str,
        content: str,
        reasoning: str,
        status: Status,
        error: str | None = None,
        figures: Mapping[str, object] | None = None,
    ) -> None:
        """The whole of an answer's text so far; only what is new is written while the status is
        "answering", and `error` and `figures` only with any other. An answer that had ended may be
        written on. One thread at a time for each answer. NotFound when it was deleted."""
        check_text(content, reasoning)
        texts = storable(content), storable(reasoning)
        if status == "answering":
            self._extend(message_id, *texts)
            return
        encoded = json_of(figures)
        now_ms = self._clock()

        def finish(connection: sqlite3.Connection) -> None:
            draft = self._draft(connection, message_id)
            answer = answers.Draft(draft.number, *texts)
            said = None if error is None else storable(error)
            answers.finish(connection, answer, status, said, encoded, now_ms)

        self._indexed.change(finish)
        self._drafts.pop(message_id, None)
        self._indexed.index()

    def keep_sources(self, message_id: str, sources: Sequence[Source]) -> None:
        """What was looked up for an answer, in place of what was before."""

        def keep(connection: sqlite3.Connection) -> None:
            query = "SELECT number FROM messages WHERE id = ?"
            row = connection.execute(query, (message_id,)).fetchone()
            if row is None:
                raise NotFound("There is no such answer, or no longer.")
            keep_sources(connection, row[0], sources)

        self._indexed.change(keep, is_synced=False)

    def settings(self) -> dict[str, object]:
        """Small JSON values by name; empty at first."""
        with self._database.read() as connection:
            return preferences.get(connection)

    def patch_settings(self, changes: Mapping[str, object]) -> dict[str, object]:
        """All settings after the change. A value of None takes one away. NotStorable above 64 KiB
        for one, or 100 of them."""
        with self._database.write() as connection:
            return preferences.patch(connection, changes)

    def export(
        self,
        form: Literal["json", "markdown"],
        chat_id: str | None = None,
    ) -> Iterator[bytes]:
        """All chats, or one, in UTF-8. The JSON can be imported; the Markdown has the branches that
        are shown. StoreError and NotFound come with the first piece."""
        with self._database.read_at_length() as connection:
            if chat_id is None:
                rows = connection.execute("SELECT number FROM chats ORDER BY number").fetchall()
                numbers = [row[0] for row in rows]
            else:
                numbers = [number_of_chat(connection, chat_id)]
            pieces = transfer.json_pieces if form == "json" else transfer.markdown_pieces
            yield from pieces(connection, numbers)

    def import_(self, data: bytes | memoryview) -> Imported:
        """Add the chats of an exported JSON file of at most 256 MiB, with new ids: all of them, or
        none when NotStorable says what is wrong."""
        chats = exported.chats_of(data)
        for nth, raw in enumerate(chats, 1):
            exported.read_chat(raw, nth)
        now_ms = self._clock()
        messages = 0
        with self._database.write() as connection:
            for nth, raw in enumerate(chats, 1):
                added = transfer.insert_chat(connection, exported.read_chat(raw, nth), now_ms)
                messages += added.messages
        self._indexed.index()
        self._indexed.index_files()
        return Imported(len(chats), messages)

    def _extend(self, message_id: str, content: str, reasoning: str) -> None:
        def extend(connection: sqlite3.Connection) -> answers.Draft:
            draft = self._draft(connection, message_id)
            return answers.extend(connection, draft, content, reasoning)

        self._drafts[message_id] = self._indexed.change(extend, is_synced=False)

    def _draft(self, connection: sqlite3.Connection, message_id: str) -> answers.Draft:
        draft = self._drafts.get(message_id)
        if draft is not None and answers.is_answering(connection, draft):
            return draft
        self._drafts.pop(message_id, None)
        return answers.begin(connection, message_id)

    def _change_chat(
        self, chat_id: str, work: Callable[[sqlite3.Connection, int], None]
    ) -> ChatInfo:
        def change(connection: sqlite3.Connection) -> ChatInfo:
            number = number_of_chat(connection, chat_id)
            work(connection, number)
            return select_chat(connection, number)

        info = self._indexed.change(change)
        self._indexed.index()
        return info


def _next_number(connection: sqlite3.Connection, chat: int) -> int:
    query = "SELECT MAX(number) FROM messages WHERE chat = ?"
    last = connection.execute(query, (chat,)).fetchone()[0] or chat << PLACE_BITS
    if last & MAX_MESSAGES == MAX_MESSAGES:
        raise NotStorable(f"A chat of {MAX_MESSAGES} messages is full. Begin a new one.")
    return int(last) + 1


def _automatic(connection: sqlite3.Connection, chat: int) -> str:
    """Of the first question; where that has no words, of its first file."""
    row = connection.execute(_FIRST_QUESTION, (chat,)).fetchone()
    return "" if row is None else title_of(row[0] if row[0].strip() else row[1].strip())


def _set_title(connection: sqlite3.Connection, chat: int, title: str, is_titled: bool) -> None:
    old = connection.execute("SELECT title FROM chats WHERE number = ?", (chat,)).fetchone()[0]
    search.take_out(connection, chat << PLACE_BITS, old)
    query = "UPDATE chats SET title = ?, is_titled = ? WHERE number = ?"
    connection.execute(query, (title, is_titled, chat))

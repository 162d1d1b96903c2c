"""The tables of the file of chats, and the steps from each version of it to the next.

A message's `number` is its chat's number shifted left by 20 bits, plus its place in the chat from
1 on. So a chat's messages lie together in the file, a parent is always of the same chat and older,
and the full-text index needs no column for the chat. Document `chat << 20` is the chat's title.

`pending` names the documents that are not in the index `words`: all others are. `words` keeps no
copy of the texts, so whoever changes a text that is indexed takes the old one out first.

Of a file only its text is kept, compressed; of a picture, which has none, the file as it came
(`pictures`). A passage's `number` is made as a message's is, from
its file's; its text are the characters [first, last) of the file's. They are in the index
`passage_words` when the file `is_indexed`. A file may come with several messages (`attachments`),
such as a question and its edited forms."""

from __future__ import annotations

PLACE_BITS = 20
MAX_MESSAGES = (1 << PLACE_BITS) - 1  # of one chat

WORDS, PASSAGE_WORDS = "words", "passage_words"

# A damaged index cannot even be dropped, so its tables are set back to those of an empty one: the
# record 10 has no levels. https://sqlite.org/fts5.html#fts5_data_structures
_EMPTY_WORDS = (
    "DELETE FROM words_idx",
    "DELETE FROM words_docsize",
    "DELETE FROM words_data",
    "INSERT INTO words_data VALUES (1, x''), (10, x'00000000000000')",
    "INSERT INTO words (words) VALUES ('delete-all')",
)


def emptied(index: str) -> tuple[str, ...]:
    """What makes a damaged index an empty one."""
    return tuple(statement.replace(WORDS, index) for statement in _EMPTY_WORDS)


MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """
        CREATE TABLE chats (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            id TEXT NOT NULL UNIQUE,
            title TEXT NOT NULL,
            is_titled INTEGER NOT NULL,
            is_pinned INTEGER NOT NULL,
            created_ms INTEGER NOT NULL,
            updated_ms INTEGER NOT NULL,
            head INTEGER CHECK (head >> 20 = number)
        )
        """,
        "CREATE INDEX chats_in_order ON chats (is_pinned, updated_ms, number)",
        """
        CREATE TABLE messages (
            number INTEGER PRIMARY KEY CHECK (number >> 20 = chat),
            chat INTEGER NOT NULL REFERENCES chats (number) ON DELETE CASCADE,
            id TEXT NOT NULL UNIQUE,
            parent INTEGER CHECK (parent < number AND parent >> 20 = chat),
            role TEXT NOT NULL,
            status TEXT NOT NULL,
            created_ms INTEGER NOT NULL,
            error TEXT,
            figures TEXT,
            content TEXT NOT NULL,
            reasoning TEXT NOT NULL
        )
        """,
        "CREATE INDEX messages_of_chats ON messages (chat)",
        "CREATE INDEX messages_answering ON messages (number) WHERE status = 'answering'",
        """
        CREATE TABLE pieces (
            message INTEGER NOT NULL REFERENCES messages (number) ON DELETE CASCADE,
            nth INTEGER NOT NULL,
            content TEXT NOT NULL,
            reasoning TEXT NOT NULL,
            PRIMARY KEY (message, nth)
        ) WITHOUT ROWID
        """,
        "CREATE TABLE settings (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
        "CREATE TABLE pending (document INTEGER PRIMARY KEY)",
        """
        CREATE VIRTUAL TABLE words USING fts5 (
            text, content = '', tokenize = "unicode61 remove_diacritics 2"
        )
        """,
    ),
    (
        """
        CREATE TABLE files (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            id TEXT NOT NULL UNIQUE,
            name TEXT NOT NULL,
            kind TEXT NOT NULL,
            size_bytes INTEGER NOT NULL,
            characters INTEGER NOT NULL,
            pages INTEGER,
            tokens INTEGER,
            created_ms INTEGER NOT NULL,
            is_indexed INTEGER NOT NULL,
            text BLOB NOT NULL
        )
        """,
        "CREATE INDEX files_to_index ON files (number) WHERE is_indexed = 0",
        """
        CREATE TABLE attachments (
            message INTEGER NOT NULL REFERENCES messages (number) ON DELETE CASCADE,
            place INTEGER NOT NULL,
            file INTEGER NOT NULL REFERENCES files (number),
            PRIMARY KEY (message, place)
        ) WITHOUT ROWID
        """,
        "CREATE INDEX attachments_of_files ON attachments (file)",
        """
        CREATE TABLE passages (
            number INTEGER PRIMARY KEY CHECK (number >> 20 = file),
            file INTEGER NOT NULL REFERENCES files (number) ON DELETE CASCADE,
            page INTEGER,
            first INTEGER NOT NULL,
            last INTEGER NOT NULL
        )
        """,
        "CREATE INDEX passages_of_files ON passages (file)",
        """
        CREATE TABLE vectors (
            passage INTEGER PRIMARY KEY REFERENCES passages (number) ON DELETE CASCADE,
            maker TEXT NOT NULL,
            vector BLOB NOT NULL
        )
        """,
        """
        CREATE TABLE sources (
            message INTEGER NOT NULL REFERENCES messages (number) ON DELETE CASCADE,
            n INTEGER NOT NULL,
            file TEXT NOT NULL,
            name TEXT NOT NULL,
            page INTEGER,
            text TEXT NOT NULL,
            PRIMARY KEY (message, n)
        ) WITHOUT ROWID
        """,
        """
        CREATE VIRTUAL TABLE passage_words USING fts5 (
            text, content = '', tokenize = "porter unicode61 remove_diacritics 2"
        )
        """,
    ),
    ("ALTER TABLE chats ADD COLUMN model TEXT",),
    (
        """
        CREATE TABLE pictures (
            file INTEGER PRIMARY KEY REFERENCES files (number) ON DELETE CASCADE,
            data BLOB NOT NULL
        )
        """,
    ),
)

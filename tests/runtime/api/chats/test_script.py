"""Who says what in a branch, and where the texts of files stand."""

from __future__ import annotations

from llamapack_runtime.api.chats.documents import NO_QUESTION, NO_QUESTION_OF_PICTURES
from llamapack_runtime.api.chats.script import messages_of, turns_of
from llamapack_runtime.chat.types import Image, Message
from llamapack_runtime.store.types import FileInfo, Role, StoredMessage

A, B = (FileInfo(name * 16, f"{name}.txt", "text", 1, 1, None, 1, 0) for name in "ab")
C, D = (FileInfo(name * 16, f"{name}.png", "png", 1, 0, None, 1, 0) for name in "cd")
CAT, DOG = Image.of(b"cat"), Image.of(b"dog")
TEXTS = {A.id: "(text of a)", B.id: "(text of b)"}


def say(role: Role, content: str, *files: FileInfo, reasoning: str = "") -> StoredMessage:
    return StoredMessage(content, "", None, role, content, reasoning, "done", None, 0, None, files)


BRANCH = [
    say("user", "One", A),
    say("assistant", "Two"),
    say("user", "Three", B, A),
    say("assistant", ""),
    say("user", "Four"),
]


def told(start: int = 0, texts: dict[str, str] | None = None, passages: str = "") -> list[str]:
    turns = turns_of(BRANCH, continues=False)
    return [one.content for one in messages_of(turns, start, texts or {}, passages)]


def test_what_is_said_in_a_row_is_one_turn() -> None:
    turns = turns_of(BRANCH, continues=False)
    assert [turn.role for turn in turns] == ["user", "assistant", "user"]
    assert turns[2].files == (B, A)


def test_each_text_stands_once_with_what_was_said() -> None:
    assert told(0, TEXTS) == [
        "(text of a)\n\nOne",
        "Two",
        'The user attached: "a.txt".\n\n(text of b)\n\nThree\n\nFour',
    ]


def test_texts_of_turns_that_are_left_out_open_the_first_that_is_not() -> None:
    [only] = told(2, TEXTS)
    assert only.startswith("(text of a)\n\n")
    assert only.endswith("(text of b)\n\nThree\n\nFour")


def test_files_without_their_text_are_named() -> None:
    assert told()[0] == 'The user attached: "a.txt".\n\nOne'


def test_passages_open_the_last_turn_and_name_the_files() -> None:
    assert told(0, {}, "(passages)") == [
        'The user attached: "a.txt".\n\nOne',
        "Two",
        "(passages)\n\nThree\n\nFour",
    ]
    assert told(2, {}, "(passages)") == ["(passages)\n\nThree\n\nFour"]


def test_files_alone_ask_what_they_are_about() -> None:
    [turn] = turns_of([say("user", " ", A)], continues=False)
    assert turn.parts == (((A,), NO_QUESTION),)


def test_an_answer_to_go_on_with_keeps_its_thoughts() -> None:
    begun = [say("user", "One"), say("assistant", "", reasoning="Hm")]
    assert turns_of(begun, continues=True)[-1].reasoning == "Hm"
    assert len(turns_of(begun, continues=False)) == 1


def shown(*branch: StoredMessage, start: int = 0, passages: str = "") -> list[Message]:
    turns = turns_of(branch, continues=False)
    return messages_of(turns, start, TEXTS, passages, {C.id: CAT, D.id: DOG})


def test_pictures_stand_right_before_what_was_said_with_them() -> None:
    [only] = shown(say("user", "One", C, A, D), say("user", "Two"))
    assert only.content == f"(text of a)\n\n{CAT.mark}{DOG.mark}\nOne\n\nTwo"
    assert only.images == (CAT, DOG)
    [told] = shown(say("user", "One", C, A), passages="(passages)")
    assert told.content == f"(passages)\n\n(text of a)\n\n{CAT.mark}\nOne"


def test_a_picture_is_shown_once_and_goes_with_its_turn() -> None:
    branch = [say("user", "One", C), say("assistant", "Two"), say("user", "Three", C, D)]
    first, _, last = shown(*branch)
    assert (first.images, last.images) == ((CAT,), (DOG,))
    assert last.content == f'The user attached: "c.png".\n\n{DOG.mark}\nThree'
    [only] = shown(*branch, start=2)
    assert only.images == (CAT, DOG)
    assert shown(*branch[:2], say("user", "Three"), start=2)[0].images == ()


def test_pictures_that_are_not_seen_are_named() -> None:
    [only] = messages_of(turns_of([say("user", "One", C, D)], continues=False), 0, {})
    expected = 'The user attached pictures that you cannot see: "c.png", "d.png".\n\nOne'
    assert (only.content, only.images) == (expected, ())


def test_pictures_alone_ask_what_they_show() -> None:
    [turn] = turns_of([say("user", "", C)], continues=False)
    assert turn.parts == (((C,), NO_QUESTION_OF_PICTURES),)
    [turn] = turns_of([say("user", "", C, A)], continues=False)
    assert turn.parts == (((C, A), NO_QUESTION),)

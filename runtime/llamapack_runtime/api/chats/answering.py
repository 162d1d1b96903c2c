"""From what the page asks for to a branch that ends with the answer to be written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from msgspec import UNSET

from llamapack_runtime.api.chats.desk import Desk
from llamapack_runtime.api.chats.requests import NewAnswer
from llamapack_runtime.api.errors import ApiError, BadRequest
from llamapack_runtime.store.types import ChatInfo, ChatTree, StoredMessage


async def begin_answer(desk: Desk, chat: str, wanted: NewAnswer) -> list[StoredMessage]:
    """The messages that this adds or changes, the answer last. ApiError 404 when the chat or a
    message is gone, 409 while the chat has an answer in the making."""
    _check(wanted)
    async with desk.lock(chat):
        if desk.is_answering(chat):
            message = "This chat is being answered already; wait for the end or stop it."
            raise ApiError(409, message, "conflict")
        tree = await desk.ask(desk.store.chat, chat)
        messages = {one.id: one for one in tree.messages}
        if wanted.continues is not None:
            return await _go_on(desk, tree.chat, messages, wanted.continues)
        return await _answer(desk, tree, messages, wanted)


async def _go_on(
    desk: Desk, chat: ChatInfo, messages: Mapping[str, StoredMessage], answer_id: str
) -> list[StoredMessage]:
    answer = replace(_message(messages, answer_id, "assistant", "continues"), status="answering")
    branch = branch_to(messages, answer_id)[:-1]
    await desk.ask(desk.store.set_head, answer.chat, answer.id)
    desk.board.tell("message", answer, answer.chat)
    await desk.answer(chat, [*branch, answer], continues=bool(answer.content))
    await desk.changed(answer.chat)
    return [answer]


async def _answer(
    desk: Desk,
    tree: ChatTree,
    messages: Mapping[str, StoredMessage],
    wanted: NewAnswer,
) -> list[StoredMessage]:
    add, added, chat = desk.store.add_message, list[StoredMessage](), tree.chat.id
    if wanted.content is not None:
        if wanted.parent is not None:
            _message(messages, wanted.parent, "assistant", "parent")
        files = _files(tree, wanted)
        if not wanted.content.strip() and not files:
            raise BadRequest("'content' is empty, and there are no files.", "content")
        question = await desk.ask(
            add, chat, "user", wanted.content, parent=wanted.parent, files=files
        )
        branch = [*branch_to(messages, wanted.parent), question]
        added.append(question)
    else:
        question = _message(messages, wanted.answers or "", "user", "answers")
        branch = branch_to(messages, question.id)
    answer = await desk.ask(add, chat, "assistant", "", parent=question.id, status="answering")
    for one in (*added, answer):
        desk.board.tell("message", one, chat)
    await desk.answer(tree.chat, [*branch, answer], continues=False)
    await desk.changed(chat)
    return [*added, answer]


def _files(tree: ChatTree, wanted: NewAnswer) -> list[str]:
    """Their ids: those that are named, else those of the question that this one replaces."""
    if wanted.files is not UNSET:
        return wanted.files
    replaced = [one for one in tree.branch() if one.parent == wanted.parent and one.role == "user"]
    return [file.id for one in replaced for file in one.files]


def branch_to(messages: Mapping[str, StoredMessage], last: str | None) -> list[StoredMessage]:
    """From the first message to this one; none for None."""
    branch: list[StoredMessage] = []
    while last is not None:
        branch.append(messages[last])
        last = branch[-1].parent
    return branch[::-1]


def _message(
    messages: Mapping[str, StoredMessage], name: str, role: str, param: str
) -> StoredMessage:
    found = messages.get(name)
    if found is None:
        raise ApiError(404, "There is no such message in this chat.", "not_found", param)
    if found.role != role:
        raise BadRequest(f"'{param}' must be a message of the {role}'s.", param)
    return found


def _check(wanted: NewAnswer) -> None:
    given = [wanted.content, wanted.answers, wanted.continues]
    if sum(one is not None for one in given) != 1:
        raise BadRequest("Say one of 'content', 'answers' and 'continues'.")
    if wanted.parent is not None and wanted.content is None:
        raise BadRequest("'parent' goes with 'content'.", "parent")
    if wanted.files is not UNSET and wanted.content is None:
        raise BadRequest("'files' go with 'content'.", "files")

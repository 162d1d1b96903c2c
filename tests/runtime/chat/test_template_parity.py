"""The text is Hugging Face's, for the templates of the models that people have.

The templates are those that llama.cpp keeps beside its sources. Where it matters how a message is
written, the tables below say how a user of `apply_chat_template` must write it for that template;
the program has to find that out by itself."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import pytest

from llamapack.image.sources import source_folder
from llamapack.image.tools import tool_environment
from llamapack_runtime.chat.errors import ChatTemplateError
from llamapack_runtime.chat.template import ChatTemplate
from llamapack_runtime.chat.types import Message, Tool
from runtime.chat.conversations import CONVERSATIONS, Conversation

pytestmark = pytest.mark.slow

# Content is "" beside calls, because these write None as a word or fail at it.
EMPTY_TEXT = {
    "Bielik-11B-v3.0-Instruct", "CohereForAI-c4ai-command-r-plus-tool_use", "GLM-4.6",
    "GLM-4.7-Flash", "LFM2.5-8B-A1B", "MiniMax-M2", "Qwen-QwQ-32B", "Qwen-Qwen3-0.6B",
    "mistralai-Ministral-3-14B-Reasoning-2512", "openai-gpt-oss-120b",
    "unsloth-mistral-Devstral-Small-2507",
}  # fmt: skip
# Arguments are JSON text; the others want an object or take both.
TEXT_ARGUMENTS = {
    "deepseek-ai-DeepSeek-R1-Distill-Llama-8B",
    "meetkai-functionary-medium-v3.2",
}
# These go through the tools without asking whether there are any.
LIST_OF_NO_TOOLS = {
    "CohereForAI-c4ai-command-r-plus-tool_use",
    "NousResearch-Hermes-2-Pro-Llama-3-8B-tool_use",
    "NousResearch-Hermes-3-Llama-3.1-8B-tool_use",
}
READS_REASONING = {"upstage-Solar-Open-100B"}
NO_SYSTEM = {"google-gemma-2-2b-it"}
# It reads a variable of its own, `functions`, even for a plain question.
UNUSABLE = {"fireworks-ai-llama-3-firefunction-v2"}
# By these words in the conversations one sees what a text shows.
ESSENTIAL = {
    "tools": "The time in a zone",
    "tool calls": "Zürich-Nord",
    "several tool calls in one message": "Asia/Tokyo",
    "tools' results": "21.5",
}


@cache
def corpus() -> dict[str, str]:
    sources = source_folder("llama-cpp-python", tool_environment(print), print)
    folder = sources / "vendor/llama.cpp/models/templates"
    return {path.stem: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.jinja"))}


@cache
def opened(name: str) -> ChatTemplate:
    return ChatTemplate(corpus()[name], bos_token="<s>", eos_token="</s>")


def hugging_face(name: str, conversation: Conversation, *, add_generation_prompt: bool) -> str:
    module = pytest.importorskip(
        "transformers.utils.chat_template_utils", reason="transformers is not installed"
    )
    messages = list(conversation.messages)
    if name in NO_SYSTEM and messages[0].role == "system":
        merged = f"{messages[0].content}\n\n{messages[1].content}"
        messages[:2] = [Message("user", merged)]
    rendered, _ = module.render_jinja_template(
        [[as_user_writes(message, messages, name) for message in messages]],
        tools=[as_schema(tool) for tool in conversation.tools]
        or ([] if name in LIST_OF_NO_TOOLS else None),
        chat_template=corpus()[name],
        add_generation_prompt=add_generation_prompt,
        continue_final_message=conversation.continues_last,
        bos_token="<s>",
        eos_token="</s>",
        **conversation.variables,
    )
    return str(rendered[0])


def as_user_writes(message: Message, messages: list[Message], name: str) -> dict[str, Any]:
    written: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.tool_calls:
        if not message.content and name not in EMPTY_TEXT:
            written["content"] = None
        written["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {
                    "name": call.name,
                    "arguments": call.arguments
                    if name in TEXT_ARGUMENTS
                    else json.loads(call.arguments),
                },
            }
            for call in message.tool_calls
        ]
    if message.tool_call_id is not None:
        calls = [call for m in messages for call in m.tool_calls]
        written["tool_call_id"] = message.tool_call_id
        written["name"] = next(call.name for call in calls if call.id == message.tool_call_id)
    if message.reasoning is not None:
        key = "reasoning" if name in READS_REASONING else "reasoning_content"
        written[key] = message.reasoning
    return written


def as_schema(tool: Tool) -> dict[str, Any]:
    return {
        "type": "function",
        "function": {
            "name": tool.name,
            "description": tool.description,
            "parameters": tool.parameters,
        },
    }


def theirs(name: str, conversation: Conversation, add_generation_prompt: bool) -> str:
    """The text, or the words of refusal."""
    try:
        return hugging_face(name, conversation, add_generation_prompt=add_generation_prompt)
    except Exception as error:  # noqa: BLE001  # whatever a template raises
        return f"refused: {error}"


def ours(name: str, conversation: Conversation, add_generation_prompt: bool) -> str:
    try:
        return opened(name).render(
            conversation.messages,
            tools=conversation.tools,
            add_generation_prompt=add_generation_prompt,
            continues_last=conversation.continues_last,
            variables=conversation.variables,
        )
    except ChatTemplateError as error:
        return f"refused: {error}"


def agree(ours: str, theirs: str) -> bool:
    """The same text; or the same refusal; or a refusal of ours where theirs would leave out what
    the model must know."""
    if theirs.startswith("refused: "):
        words = theirs.removeprefix("refused: ").rstrip(".")
        return words in ours or "does not show" in ours
    for what, word in ESSENTIAL.items():
        if ours == f"refused: This model's chat template does not show {what}.":
            return word not in theirs
    return ours == theirs


def differences(
    conversation: Conversation, add_generation_prompt: bool
) -> dict[str, tuple[str, str]]:
    """Of all templates: ours and theirs."""
    texts = {
        name: (
            ours(name, conversation, add_generation_prompt),
            theirs(name, conversation, add_generation_prompt),
        )
        for name in corpus().keys() - UNUSABLE
    }
    return {name: both for name, both in texts.items() if not agree(*both)}


def name_of(conversation: Conversation) -> str:
    return conversation.name


def test_all_of_them_are_there() -> None:
    assert len(corpus()) >= 70


@pytest.mark.parametrize("add_generation_prompt", [True, False], ids=["open", "closed"])
@pytest.mark.parametrize(
    "conversation", [each for each in CONVERSATIONS if not each.continues_last], ids=name_of
)
def test_the_text_is_hugging_faces(conversation: Conversation, add_generation_prompt: bool) -> None:
    assert not differences(conversation, add_generation_prompt)


@pytest.mark.parametrize(
    "conversation", [each for each in CONVERSATIONS if each.continues_last], ids=name_of
)
def test_an_open_message_ends_where_hugging_faces_does(conversation: Conversation) -> None:
    assert not differences(conversation, False)


@pytest.mark.parametrize("name", sorted(UNUSABLE))
def test_what_refuses_a_plain_question_there_is_refused_here(name: str) -> None:
    question = Conversation("plain", (Message("user", "Hi"),))
    words = theirs(name, question, True).removeprefix("refused: ")
    with pytest.raises(ChatTemplateError, match=words):
        opened(name)

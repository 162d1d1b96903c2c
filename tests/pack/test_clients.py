"""Clients that people already use, against a real pack."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import openai
import pytest

from running_pack import RunningPack, running

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]
QUESTION: list[openai.types.chat.ChatCompletionMessageParam] = [
    {"role": "user", "content": "Name the capital of France."}
]


@pytest.fixture(scope="module")
def served(pack: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPack]:
    with running(pack, tmp_path_factory.mktemp("served")) as started:
        yield started


@pytest.fixture
def client(served: RunningPack) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{served.url}/v1", api_key="none", timeout=60) as opened:
        yield opened


def test_openai_streams_a_chat(client: openai.OpenAI) -> None:
    model = client.models.list().data[0].id
    stream = client.chat.completions.create(
        model=model,
        messages=QUESTION,
        temperature=0,
        max_tokens=24,
        stream=True,
        stream_options={"include_usage": True},
    )
    chunks = list(stream)
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert "Paris" in text
    assert sum(bool(chunk.choices and chunk.choices[0].delta.content) for chunk in chunks) > 3
    usage = chunks[-1].usage
    assert usage is not None
    assert usage.completion_tokens > 3


def test_openai_gets_a_whole_chat_and_a_completion(client: openai.OpenAI) -> None:
    model = client.models.list().data[0].id
    reply = client.chat.completions.create(
        model=model, messages=QUESTION, temperature=0, max_tokens=24
    )
    assert "Paris" in (reply.choices[0].message.content or "")
    plain = client.completions.create(model=model, prompt="One, two, three,", max_tokens=8, seed=1)
    assert plain.choices[0].text


def test_openai_raises_its_own_error_for_a_bad_request(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model="any", messages=QUESTION, temperature=-1)
    assert caught.value.param == "temperature"

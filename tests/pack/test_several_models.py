"""Several models in a real pack: the right one answers, memory stays bounded, the page follows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from e2e.asking import ANSWER_MS, ask_and_wait, new_chat_link, wait_until_ready
from pack.several_models import EMBEDDER, FIRST, SECOND, pack_of_several
from running_pack import RunningPack, running

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

TURNS = 100
# What the process may have grown by over them; a context that is not freed takes 200 MB.
MOST_GROWTH = 48 << 20


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPack]:
    folder = tmp_path_factory.mktemp("several")
    pack = pack_of_several(folder)
    arguments = ["--ctx-size", "1024", "--predict", "12", "--temp", "0"]
    with running(pack, folder / "home", arguments=arguments) as started:
        yield started


@pytest.fixture
def client(program: RunningPack) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=program.url, trust_env=False, timeout=60) as client:
        yield client


def rss_bytes(program: RunningPack) -> int:
    status = Path(f"/proc/{program.process.pid}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1]) * 1024


def ask(client: httpx.Client, model: str, **more: object) -> str:
    body = {
        "model": model,
        "messages": [{"role": "user", "content": "Who are you?"}],
        "options": {"temperature": 0, "num_predict": 4},
        "stream": False,
    }
    reply = client.post("/api/chat", json=body | more)
    assert reply.status_code == 200, reply.text
    return str(reply.json()["message"]["content"])


def loaded(client: httpx.Client) -> set[str]:
    listed: list[dict[str, Any]] = client.get("/v1/models").json()["data"]
    return {one["id"] for one in listed if one["status"]["value"] == "loaded"}


def test_a_hundred_alternating_requests_never_get_the_wrong_model(
    program: RunningPack, client: httpx.Client
) -> None:
    own = {name: ask(client, name) for name in (FIRST, SECOND)}
    assert own[FIRST] != own[SECOND]
    vectors = client.post("/v1/embeddings", json={"input": "bees"}).json()
    assert vectors["model"] == EMBEDDER
    before = rss_bytes(program)
    for turn in range(TURNS):
        name = (FIRST, SECOND)[turn % 2]
        # In the last of them, each is loaded anew and unloaded again.
        more = {"keep_alive": 0} if turn >= TURNS - 6 else {}
        assert ask(client, name, **more) == own[name], (turn, name)
    assert {name: ask(client, name) for name in own} == own
    assert client.post("/v1/embeddings", json={"input": "bees"}).json() == vectors
    assert loaded(client) == {FIRST, SECOND, EMBEDDER}
    grown = rss_bytes(program) - before
    print(f"{before >> 20} MiB, and {grown / 2**20:+.1f} MiB after {TURNS} requests")
    assert grown < MOST_GROWTH


def picked(page: Page) -> str:
    return page.get_by_label("Model that answers").input_value()


def test_the_page_switches_models_and_keeps_the_choice(
    program: RunningPack, client: httpx.Client, browser: Browser
) -> None:
    client.post("/api/generate", json={"model": SECOND, "keep_alive": 0})
    context = browser.new_context(locale="en-GB")
    page = context.new_page()
    page.set_default_timeout(ANSWER_MS)
    page.goto(program.url)
    wait_until_ready(page)
    picker = page.get_by_label("Model that answers")
    expect(picker.locator("option")).to_have_count(2)
    assert picked(page) == FIRST
    first = ask_and_wait(page, "Who are you?")
    picker.focus()
    page.keyboard.press("ArrowDown")
    assert picked(page) == SECOND
    second = ask_and_wait(page, "Who are you now?")
    assert first != second
    chat = page.url
    page.reload()
    wait_until_ready(page)
    expect(picker).to_have_value(SECOND)
    answers = client.get(f"/llamapack/chats/{chat.partition('#/')[2].split('/')[-1]}").json()
    models = [one["figures"]["model"] for one in answers["messages"] if one["figures"]]
    assert models[1] == SECOND != models[0]
    new_chat_link(page).click()
    expect(picker).to_have_value(SECOND)
    context.close()

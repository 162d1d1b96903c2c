"""A pack with several models in the page: each has its own adapters, and answers say whose they
are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from e2e.asking import ask_and_wait
from e2e.conftest import Watched
from e2e.speaking import WEB
from e2e.test_page_adapters import open_advanced
from fakes import fake_session
from llamapack_runtime.api.adapters import AdapterCard, AdapterRack
from llamapack_runtime.api.service import AnswerDefaults, Service
from llamapack_runtime.engine.sampling import SamplingParams
from runtime.api.served import ABOUT, Server, serving
from runtime.api.stockrooms import A, B, FakeStockroom, pooled

pytestmark = pytest.mark.slow


def rack(*names: str) -> AdapterRack:
    """They act only where they are named."""
    return AdapterRack([AdapterCard(name, 0.0) for name in names])


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    defaults = AnswerDefaults(SamplingParams(), adapters=rack("pirate"))
    service = Service(ABOUT, defaults, lambda: None, "c0ffee" * 8, tmp_path)
    stocks = [replace(A, adapters=rack("pirate")), replace(B, adapters=rack("formal", "short"))]
    with (
        pooled(FakeStockroom(stocks)) as service.pool,
        serving(service, fake_session("none"), WEB) as served,
    ):
        yield served


@pytest.fixture
def page(watched: Watched, server: Server) -> Iterator[Page]:
    watched.page.goto(server.url)
    expect(watched.page.locator("#model-picker")).to_be_visible()
    yield watched.page
    assert watched.complaints == []
    watched.page.goto("about:blank")


def test_the_adapters_are_those_of_the_chosen_model(page: Page, server: Server) -> None:
    def scales() -> object:
        return page.request.get(f"{server.url}llamapack/settings").json()["adapters"]

    open_advanced(page)
    page.locator("#settings-close").click()

    def choose(model: str, names: list[str]) -> None:
        page.locator("#model-picker").select_option(model)
        page.locator("#settings-open").click()
        if not page.get_by_label("Temperature").is_visible():
            page.get_by_text("Advanced", exact=True).click()
        expect(page.locator("#adapters-fields label")).to_have_text(names)

    def move(name: str) -> None:
        page.get_by_label(name).fill("1")
        page.get_by_label(name).dispatch_event("change")
        expect(page.locator("#settings-state")).to_have_text("Saved.")
        page.locator("#settings-close").click()

    choose("A", ["pirate"])
    move("pirate")
    choose("B", ["formal", "short"])
    move("short")
    assert scales() == {"pirate": 1, "short": 1}


def test_an_answer_says_which_model_wrote_it(page: Page) -> None:
    writers = page.locator(".message.assistant .writer")
    for model in ("A", "B"):
        page.locator("#model-picker").select_option(model)
        ask_and_wait(page, "Who are you?")
        expect(page.locator(".message.assistant .body").last).to_have_text(model)
    expect(writers).to_have_text(["A", "B"])
    page.reload()
    expect(writers).to_have_text(["A", "B"])
    expect(writers.last).to_have_attribute("title", "Answered by B")

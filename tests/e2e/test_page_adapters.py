"""Adapters in the page's settings: a slider for each, whose value goes with the chats' requests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from e2e.conftest import Watched
from e2e.speaking import WEB, SpeakingSession
from llamapack_runtime.api.adapters import AdapterCard, AdapterRack
from llamapack_runtime.api.service import AnswerDefaults, Service
from llamapack_runtime.engine.sampling import SamplingParams
from runtime.api.served import ABOUT, Server, serving

pytestmark = pytest.mark.slow


@pytest.fixture
def session() -> SpeakingSession:
    return SpeakingSession(lambda _: ["Hello."])


@pytest.fixture(params=[("pirate", "formal"), ()], ids=["two", "none"])
def names(request: pytest.FixtureRequest) -> tuple[str, ...]:
    found: tuple[str, ...] = request.param
    return found


@pytest.fixture
def server(tmp_path: Path, session: SpeakingSession, names: tuple[str, ...]) -> Iterator[Server]:
    rack = AdapterRack([AdapterCard(name, float(index)) for index, name in enumerate(names)])
    defaults = AnswerDefaults(SamplingParams(), adapters=rack)
    service = Service(ABOUT, defaults, lambda: None, "c0ffee" * 8, tmp_path)
    with serving(service, session, WEB) as served:
        yield served


def test_each_adapter_has_a_slider(
    watched: Watched, server: Server, names: tuple[str, ...]
) -> None:
    page = watched.page
    page.goto(server.url)
    expect(page.locator("#welcome")).to_be_visible()
    open_advanced(page)
    sliders = page.locator("#adapters-fields input")
    expect(sliders).to_have_count(len(names))
    expect(page.locator("#adapters")).to_be_visible(visible=bool(names))
    if names:
        expect(page.get_by_label("pirate")).to_have_value("0")
        expect(page.locator("#adapters-fields output")).to_have_text(["off", "1"])
        page.get_by_label("pirate").fill("1.5")
        page.get_by_label("pirate").dispatch_event("change")
        expect(page.locator("#settings-state")).to_have_text("Saved.")
        stored = page.request.get(f"{server.url}llamapack/settings").json()["adapters"]
        assert stored == {"pirate": 1.5}
    assert watched.complaints == []
    page.goto("about:blank")


def open_advanced(page: Page) -> None:
    page.get_by_role("button", name="Settings").click()
    page.get_by_role("tab", name="Answers").click()
    page.get_by_text("Advanced", exact=True).click()
    expect(page.get_by_label("Temperature")).to_be_visible()

"""The page that shows the API's document, in Chromium, served by today's sources."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from e2e.conftest import Watched
from fakes import fake_session
from llamapack_runtime.api.access import Access
from llamapack_runtime.api.app import build_app
from llamapack_runtime.api.openapi.document import OPERATIONS
from llamapack_runtime.api.service import AnswerDefaults, Ready, Service
from llamapack_runtime.engine.sampling import SamplingParams
from llamapack_runtime.launch.listen import listen, url_of
from llamapack_runtime.launch.server import serve
from runtime.api.conftest import TOKEN
from runtime.api.served import ABOUT

pytestmark = pytest.mark.slow

WEB = Path(__file__).resolve().parents[2] / "templates" / "web"
TIMEOUT_S = 20.0
ROUTE = "details.operation:visible"


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """Of a program with a fake model, and a final slash."""
    stopping, started = threading.Event(), threading.Event()
    service = Service(ABOUT, AnswerDefaults(SamplingParams()), lambda: None, TOKEN)
    session = fake_session()
    service.state = Ready(session, "")
    listener = listen("127.0.0.1", 0)
    app = build_app(service, Access(), WEB)

    def run() -> None:
        serve(
            app,
            listener,
            should_stop=stopping.is_set,
            on_start=started.set,
            before_end=session.close,
        )

    thread = threading.Thread(target=run)
    thread.start()
    assert started.wait(TIMEOUT_S)
    yield url_of(listener)
    stopping.set()
    thread.join(TIMEOUT_S)
    assert not thread.is_alive()


@pytest.fixture
def docs(watched: Watched, url: str) -> Iterator[Page]:
    """The page with all its routes. A console error or CSP violation fails."""
    watched.page.goto(f"{url}docs")
    expect(watched.page.locator(ROUTE)).to_have_count(len(OPERATIONS))
    yield watched.page
    assert watched.complaints == []
    assert all(request.startswith(url) for request in watched.requests)


def test_a_route_shows_examples_and_parameters(
    docs: Page, url: str, screenshot: Callable[[Page, str], None]
) -> None:
    screenshot(docs, "docs")
    docs.locator("#post_v1_chat_completions > summary").click()
    opened = docs.locator("#post_v1_chat_completions .inside")
    expect(opened.locator("pre").first).to_contain_text(f"{url}v1/chat/completions")
    expect(opened.get_by_role("row", name="messages needed")).to_be_visible()
    temperature = opened.locator("tr", has=docs.locator("code", has_text="temperature"))
    expect(temperature).to_contain_text("number from 0 to 100")
    expect(opened.locator("tr", has_text="503")).to_contain_text("application/json")
    screenshot(docs, "docs-route")


def test_the_search_finds_routes_by_parameter(docs: Page) -> None:
    docs.get_by_label("Search routes and parameters").fill("max_tokens_per_doc")
    expect(docs.locator(ROUTE)).to_have_count(1)
    expect(docs.locator(ROUTE)).to_contain_text("/v1/rerank")
    docs.get_by_label("Search routes and parameters").fill("")
    expect(docs.locator(ROUTE)).to_have_count(len(OPERATIONS))


def test_an_example_is_copied(docs: Page, url: str) -> None:
    docs.context.grant_permissions(["clipboard-read", "clipboard-write"])
    docs.locator("#get_v1_models > summary").click()
    docs.locator("#get_v1_models").get_by_role("button", name="Copy").click()
    expect(docs.locator("#get_v1_models").get_by_role("button", name="Copied")).to_be_visible()
    assert docs.evaluate("navigator.clipboard.readText()") == f"curl {url}v1/models"


def test_an_address_opens_its_route(docs: Page, url: str) -> None:
    docs.goto(f"{url}docs.html#post_v1_messages")
    expect(docs.locator("#post_v1_messages .inside")).to_be_visible()


def test_it_fits_a_phone_and_a_dark_room(
    docs: Page, screenshot: Callable[[Page, str], None]
) -> None:
    docs.set_viewport_size({"width": 360, "height": 740})
    docs.emulate_media(color_scheme="dark")
    docs.reload()
    docs.locator("#post_v1_chat_completions > summary").click()
    screenshot(docs, "docs-phone")
    assert docs.evaluate("document.documentElement.scrollWidth") <= 360
    assert docs.evaluate("document.documentElement.dataset.theme") == "dark"

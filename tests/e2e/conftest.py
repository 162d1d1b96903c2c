"""A real pack and a real browser for the tests of the chat page.

LLAMAPACK_TEST_PACK names the pack, LLAMAPACK_TEST_SCREENSHOTS a folder for pictures. Without a pack
or a browser they skip.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page

from e2e.asking import wait_until_ready
from running_pack import RunningPack, running

# A small model may repeat itself until the context is full; the same short answers in every run.
SHORT_ANSWERS = ["--predict", "300", "--seed", "1"]


@pytest.fixture(scope="session")
def pack_path() -> Path:
    """The pack under test."""
    named = os.environ.get("LLAMAPACK_TEST_PACK")
    if not named:
        pytest.skip("LLAMAPACK_TEST_PACK names no pack; `make test` builds one and sets it")
    return Path(named).resolve()


@pytest.fixture(scope="session")
def pack_url(pack_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a pack that all tests share, started with an empty cache."""
    home = tmp_path_factory.mktemp("shared-pack")
    with running(pack_path, home, arguments=SHORT_ANSWERS) as shared:
        yield shared.url + "/"


@pytest.fixture
def own_pack(pack_path: Path, tmp_path: Path) -> Iterator[RunningPack]:
    """A pack that the test may end."""
    with running(pack_path, tmp_path, arguments=SHORT_ANSWERS) as own:
        yield own


@dataclass(frozen=True, slots=True)
class Watched:
    """A page and what it did that a well-behaved page does not do."""

    page: Page
    requests: list[str]
    complaints: list[str]

    def forget_refusals(self) -> None:
        """Chromium itself notes each request that a test made fail."""
        kept = [line for line in self.complaints if not line.startswith("Failed to load resource")]
        self.complaints[:] = kept


def _is_complaint(message: ConsoleMessage) -> bool:
    """Chromium itself notes each 503 of /health, which is how the page asks for progress."""
    is_health = message.location.get("url", "").endswith("/health")
    return message.type in {"error", "warning"} and not is_health


@pytest.fixture
def watched(browser: Browser) -> Iterator[Watched]:
    """A fresh tab of 1200 x 820 in English, with a log of its requests and complaints."""
    context = browser.new_context(viewport={"width": 1200, "height": 820}, locale="en-GB")
    tab = context.new_page()
    tab.set_default_timeout(30_000)
    log = Watched(tab, [], [])
    context.on("request", lambda request: log.requests.append(request.url))
    tab.on(
        "console", lambda said: log.complaints.append(said.text) if _is_complaint(said) else None
    )
    tab.on("pageerror", lambda error: log.complaints.append(str(error)))
    yield log
    context.close()


@pytest.fixture
def page(watched: Watched, pack_url: str) -> Iterator[Page]:
    """The chat page of the shared pack, model ready. A console error or CSP violation fails."""
    watched.page.goto(pack_url)
    wait_until_ready(watched.page)
    yield watched.page
    assert watched.complaints == []


@pytest.fixture
def screenshot() -> Callable[[Page, str], None]:
    """Saves what a page shows as NAME.png, if a folder for pictures was named."""
    folder = os.environ.get("LLAMAPACK_TEST_SCREENSHOTS")

    def save(page: Page, name: str) -> None:
        if folder:
            page.screenshot(path=Path(folder) / f"{name}.png")

    return save

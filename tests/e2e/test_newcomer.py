"""A newcomer's first hour: starts the pack, asks, brings a document and asks about it, quits,
starts again on another port, and finds it all where it was."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from e2e.asking import ANSWER_MS, SETTLED, ask, ask_and_wait, wait_until_ready
from e2e.conftest import SHORT_ANSWERS
from running_pack import RunningPack, free_port, spawn

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]  # a document is read three times

README = Path(__file__).resolve().parents[2] / "README.md"
QUESTION = "Which command builds a pack from a model?"
COMMAND = "llamapack build"
READING_MS = 240_000  # thousands of tokens on a busy computer
SMALL_CONTEXT = 2048  # the document does not fit: it is looked up


@pytest.fixture
def document(browser: Browser, tmp_path: Path) -> Path:
    """The project's README as a PDF of several pages."""
    path = tmp_path / "README.pdf"
    page = browser.new_page()
    text = html.escape(README.read_text("utf-8"))
    page.set_content(f"<pre style='white-space: pre-wrap; font: 11pt serif'>{text}</pre>")
    page.pdf(path=path, format="A4", margin={"top": "2cm", "bottom": "2cm", "left": "2cm"})
    page.close()
    return path


def start(pack: Path, home: Path, *arguments: str) -> RunningPack:
    options = [*SHORT_ANSWERS, *arguments]
    started = spawn(pack, home, port=free_port(), arguments=options, folder=home)
    started.wait_for_page()
    return started


def open_page(browser: Browser, started: RunningPack) -> Page:
    """In a browser that knows nothing of the program, as after a change of port."""
    page = browser.new_context(viewport={"width": 1200, "height": 820}, locale="en-GB").new_page()
    page.goto(started.url)
    expect(page.get_by_label("Your message", exact=True)).to_be_visible(timeout=30_000)
    return page


def quit_program(page: Page, started: RunningPack) -> None:
    page.get_by_role("button", name="Quit").click()
    page.get_by_role("dialog").get_by_role("button", name="Quit").click()
    assert started.process.wait(10) == 0
    page.context.close()


def test_a_newcomer_asks_about_a_document_and_finds_it_again(
    browser: Browser,
    pack_path: Path,
    tmp_path: Path,
    document: Path,
    screenshot: Callable[[Page, str], None],
) -> None:
    home = tmp_path / "home of a newcomer"
    home.mkdir()
    first = start(pack_path, home)
    try:
        page = open_page(browser, first)
        wait_until_ready(page)
        assert ask_and_wait(page, "What is the capital of France?").strip()
        page.locator("#attach-file").set_input_files(document)
        read = page.locator("#attached").get_by_role("button", name="Read README.pdf", exact=False)
        expect(read).to_have_accessible_name(re.compile(r"tokens"), timeout=60_000)
        assert ask_and_read(page, QUESTION).strip()
        screenshot(page, "document")
        quit_program(page, first)
    finally:
        first.kill()
    again = start(pack_path, home, "--ctx-size", str(SMALL_CONTEXT))
    try:
        assert again.url != first.url
        page = open_page(browser, again)
        page.locator(".chat-row a").first.click()
        expect(page.locator(".message.user")).to_have_count(2, timeout=ANSWER_MS)
        expect(page.get_by_role("button", name="Read README.pdf", exact=False)).to_be_visible()
        expect(page.get_by_text(QUESTION, exact=True)).to_be_visible()
        ask_and_read(page, QUESTION)
        assert COMMAND in passages_of_the_last_answer(page)
        screenshot(page, "passages")
        quit_program(page, again)
    finally:
        again.kill()


def ask_and_read(page: Page, question: str) -> str:
    """The answer to a message that takes long to read."""
    before = page.locator(".message.assistant").count()
    ask(page, question)
    expect(page.locator(".message.assistant")).to_have_count(before + 1)
    expect(page.locator(SETTLED)).to_be_attached(timeout=READING_MS)
    return page.locator(".message.assistant .body").last.inner_text()


def passages_of_the_last_answer(page: Page) -> str:
    """What was looked up for it, the first one unfolded."""
    passages = page.locator(".message.assistant").last.locator(".sources")
    expect(passages).to_be_visible()
    if passages.get_attribute("open") is None:
        passages.locator("summary").first.click()
    passages.locator("li summary").first.click()
    return passages.text_content() or ""

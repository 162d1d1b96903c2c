"""Takes the pictures of the README: a real pack, a real model, a real browser.

Usage: python tests/e2e/pictures.py PACK FOLDER [CHROMIUM]
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any, Literal

from playwright.sync_api import Browser, Page, expect

TESTS = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TESTS))

import chromium  # noqa: E402 - found beside this folder
from e2e.asking import SETTLED, wait_until_ready  # noqa: E402 - found beside this folder
from running_pack import running  # noqa: E402 - found beside this folder

ARGUMENTS = ["--temp", "0", "--predict", "200"]
READING_MS = 240_000
NOTES = TESTS.parent / "README.md"


def picture(
    browser: Browser,
    url: str,
    path: Path,
    *,
    scheme: Literal["light", "dark"] = "light",
    locale: str = "en-GB",
    size: tuple[int, int] = (1200, 780),
    question: str | None = None,
    document: Path | None = None,
) -> None:
    """One picture: of a first answer, or of the page before it."""
    options: dict[str, Any] = {"viewport": {"width": size[0], "height": size[1]}}
    context = browser.new_context(color_scheme=scheme, locale=locale, **options)
    page = context.new_page()
    page.goto(url)
    wait_until_ready(page)
    expect(page.locator("#attach")).to_be_enabled()
    if document is not None:
        page.locator("#attach-file").set_input_files(document)
        read = page.locator("#attached").get_by_role("button", name="tokens", exact=False)
        expect(read).to_be_enabled(timeout=60_000)
    if question is not None:
        ask(page, question)
    page.mouse.move(0, 0)
    page.screenshot(path=path)
    context.close()


def ask(page: Page, question: str) -> None:
    """And wait for the answer, which may have a document to read first."""
    page.locator("#prompt").fill(question)
    page.locator("#prompt").press("Enter")
    expect(page.locator(SETTLED)).to_be_attached(timeout=READING_MS)


def main(pack: Path, folder: Path, executable: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    question = "What is the capital of France?"
    with (
        tempfile.TemporaryDirectory() as home,
        running(pack, Path(home), arguments=ARGUMENTS) as started,
        chromium.opened(executable) as browser,
    ):
        url = started.url
        picture(browser, url, folder / "desktop.png", question=question)
        asked = "Which command builds a pack?"
        picture(browser, url, folder / "dark.png", scheme="dark", question=asked, document=NOTES)
        picture(browser, url, folder / "chinese.png", locale="zh-CN")
        picture(browser, url, folder / "phone.png", size=(390, 780), question=question)


if __name__ == "__main__":
    browser_path = sys.argv[3] if len(sys.argv) > 3 else chromium.path()
    if browser_path is None:
        sys.exit("Chromium was not found; on Debian: apt-get install chromium")
    main(Path(sys.argv[1]).resolve(), Path(sys.argv[2]), browser_path)

"""The browser of the tests and of the pictures."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, expect, sync_playwright

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-quic",
]


def path() -> str | None:
    """What LLAMAPACK_TEST_CHROMIUM names, else what the PATH has."""
    named = os.environ.get("LLAMAPACK_TEST_CHROMIUM")
    return named or shutil.which("chromium") or shutil.which("google-chrome")


# How long `expect` looks for what it expects: on a busy computer the page's modules alone, each of
# which passes through the tests that watch its requests, took more than Playwright's five seconds.
PATIENCE_MS = 20_000


@contextmanager
def opened(executable: str) -> Iterator[Browser]:
    """Without a window. From now on, `expect` is patient."""
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=FLAGS)
        yield browser
        browser.close()

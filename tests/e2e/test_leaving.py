"""A pack that was started by double-click ends when its last page is closed, in a real browser."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from e2e.asking import LONG_QUESTION, ask
from running_pack import RunningPack, clean_environment, free_port

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

GRACE_S = 15.0
END_S = 20.0  # from closing the page to the end of the process
OPENER = '#!/bin/sh\necho "$1" >> "$HOME/opened"\n'
# Longer than the grace on two cores; no answer ends by itself before.
LONG = ["--predict", "2000", "--logit-bias", "2-inf", "--seed", "1"]
ANSWER_S = 400.0  # on a busy computer; 20 s on an idle one
START_S = 60.0


def click(pack: Path, home: Path, *arguments: str) -> subprocess.Popen[bytes]:
    """Without any terminal, on a desktop whose browser only writes down what it is to open."""
    variables = clean_environment(home)
    opener = home / "xdg-open"
    opener.write_text(OPENER)
    opener.chmod(0o755)
    with (home / "log.txt").open("ab") as output:
        return subprocess.Popen(
            [str(pack), *arguments],
            env=variables | {"DISPLAY": ":0", "PATH": f"{home}:{variables['PATH']}"},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )


@contextmanager
def double_clicked(pack: Path, home: Path, *arguments: str) -> Iterator[RunningPack]:
    port = free_port()
    process = click(pack, home, "--port", str(port), *arguments)
    started = RunningPack(process, f"http://127.0.0.1:{port}", home / "log.txt")
    try:
        yield started
    finally:
        started.kill()


@contextmanager
def tab(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(locale="en-GB")
    yield context.new_page()
    context.close()


def close(page: Page) -> None:
    """As a person does it."""
    page.close(run_before_unload=True)


def is_alive_after(pack: RunningPack, seconds: float) -> bool:
    try:
        pack.process.wait(seconds)
    except subprocess.TimeoutExpired:
        return True
    return False


def visit(page: Page, pack: RunningPack) -> None:
    page.goto(pack.url)
    expect(page.get_by_label("Your message", exact=True)).to_be_visible(timeout=START_S * 1000)


def test_closing_the_page_ends_the_program(
    pack_path: Path, tmp_path: Path, browser: Browser
) -> None:
    with double_clicked(pack_path, tmp_path) as pack, tab(browser) as page:
        pack.wait_until_ready()
        visit(page, pack)
        assert (tmp_path / "opened").read_text() == f"{pack.url}/\n"
        assert httpx.get(f"{pack.url}/llamapack/info").json()["quits_when_closed"] is True
        close(page)
        closed_s = time.monotonic()
        assert pack.process.wait(END_S) == 0
        assert time.monotonic() - closed_s > GRACE_S - 1
        assert list((tmp_path / "data").rglob("instances/*.json")) == []
        assert "Traceback" not in pack.printed


def test_a_second_start_a_reload_and_another_tab_keep_it(
    pack_path: Path, tmp_path: Path, browser: Browser
) -> None:
    with double_clicked(pack_path, tmp_path) as pack, tab(browser) as first:
        pack.wait_for_page()
        visit(first, pack)
        close(first)
        assert click(pack_path, tmp_path).wait(START_S) == 0
        assert "already running" in pack.printed
        with tab(browser) as second, tab(browser) as third:
            for page in (second, third):
                visit(page, pack)
            second.reload()
            close(third)
            assert is_alive_after(pack, GRACE_S + 3)
            close(second)
            assert pack.process.wait(END_S) == 0


def test_an_answer_is_written_to_its_end(pack_path: Path, tmp_path: Path, browser: Browser) -> None:
    with double_clicked(pack_path, tmp_path, *LONG) as pack, tab(browser) as page:
        pack.wait_until_ready()
        visit(page, pack)
        ask(page, LONG_QUESTION)
        expect(page.locator(".message.assistant .body").last).not_to_be_empty(timeout=60_000)
        close(page)
        assert pack.process.wait(ANSWER_S) == 0
    with double_clicked(pack_path, tmp_path) as pack:
        pack.wait_for_page()
        [chat] = httpx.get(f"{pack.url}/llamapack/chats").json()["chats"]
        messages = httpx.get(f"{pack.url}/llamapack/chats/{chat['id']}").json()["messages"]
        assert messages[-1]["status"] == "length"

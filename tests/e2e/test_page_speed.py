"""What the page costs a weak computer: first paint, requests, and the work of a fast stream."""

from __future__ import annotations

import json
import statistics
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from e2e.asking import ask, wait_until_ready
from e2e.conftest import Watched
from e2e.speaking import speaking

pytestmark = pytest.mark.slow

LARGEST_BYTES = 1_500_000
# 300 ms on an idle computer; what runs beside the tests may make it slower.
FIRST_PAINT_MS = 300
SLACK = 2.0
TOKENS_PER_S = 100
ANSWER_CHARACTERS = 20_000
PARAGRAPH = (
    "The **keeper** of the lighthouse wrote `light = on` into the [log](#log) and waited for "
    "the storm, which came from the *north*, as it always did.\n\n"
    "| hour | wind | sea |\n|---|---|---|\n| 1 | 7 | rough |\n| 2 | 9 | high |\n\n"
    "```python\ndef turn(lamp: Lamp) -> None:\n    lamp.angle += 1  # a degree\n```\n\n"
    "1. Oil the lamp.\n2. Wind the clock.\n3. Count the ships.\n\n"
)


def test_first_paint(browser: Browser, pack_url: str) -> None:
    times = [first_paint_ms(browser, pack_url) for _ in range(7)]
    print("first contentful paint, ms:", [round(one) for one in times])
    assert statistics.median(times) <= FIRST_PAINT_MS * SLACK


def first_paint_ms(browser: Browser, url: str) -> float:
    """In a browser that has never seen the page."""
    context = browser.new_context(viewport={"width": 1200, "height": 820})
    page = context.new_page()
    page.goto(url)
    expect(page.get_by_label("Your message", exact=True)).to_be_visible()
    entry = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
    page.wait_for_function(entry)
    measured = float(page.evaluate(entry))
    context.close()
    return measured


def test_the_page_weighs_little_and_asks_no_other_host(watched: Watched, pack_url: str) -> None:
    sizes: list[int] = []
    watched.page.on("response", lambda answer: sizes.append(len(answer.body())))
    watched.page.goto(pack_url)
    wait_until_ready(watched.page)
    assert sum(sizes) <= LARGEST_BYTES
    assert [url for url in watched.requests if not url.startswith(pack_url)] == []


def test_a_fast_stream_takes_less_than_a_third_of_a_core(browser: Browser, tmp_path: Path) -> None:
    """The last seconds of a long answer, when most of the page is there already."""
    text = (PARAGRAPH * (ANSWER_CHARACTERS // len(PARAGRAPH) + 1))[:ANSWER_CHARACTERS]
    pieces = [text[start : start + 4] for start in range(0, len(text), 4)]
    first, last = pieces[: -10 * TOKENS_PER_S], pieces[-10 * TOKENS_PER_S :]
    with speaking(tmp_path, lambda _: ["".join(first), *last], TOKENS_PER_S) as server:
        page = browser.new_context(viewport={"width": 1200, "height": 820}).new_page()
        page.goto(server.url)
        ask(page, "Tell me of the lighthouse.")
        page.get_by_text("Count the ships.").nth(10).wait_for()
        share = busy_share(browser, page, seconds=6)
        expect(page.locator(".message.assistant:last-child .tools")).to_be_attached(timeout=30_000)
        page.context.close()
    print(f"share of a core in the page's main thread: {share:.2f}")
    assert share <= 1 / 3


def busy_share(browser: Browser, page: Page, seconds: float) -> float:
    """Of the renderer's main thread, CPU time over time, from Chromium's own trace."""
    browser.start_tracing(page=page, categories=["toplevel", "devtools.timeline"])
    page.wait_for_timeout(seconds * 1000)  # what is measured is a span of time
    events: list[dict[str, Any]] = json.loads(browser.stop_tracing())["traceEvents"]
    thread = main_thread(events)
    tasks = [
        event
        for event in events
        if (event["pid"], event["tid"]) == thread
        and event["ph"] == "X"
        and event["name"].endswith("RunTask")
    ]
    assert tasks
    span = max(one["ts"] + one["dur"] for one in tasks) - min(one["ts"] for one in tasks)
    return float(sum(one.get("tdur", one["dur"]) for one in tasks) / span)


def main_thread(events: list[dict[str, Any]]) -> tuple[int, int]:
    """Process and thread of the renderer that did most."""
    mains = [
        (event["pid"], event["tid"])
        for event in events
        if event["name"] == "thread_name" and event["args"]["name"] == "CrRendererMain"
    ]
    return max(mains, key=lambda one: sum((e["pid"], e["tid"]) == one for e in events))

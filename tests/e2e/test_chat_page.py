"""The chat page in Chromium against a real pack."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route, expect

from e2e.asking import ANSWER_MS, LONG_QUESTION, SETTLED, ask, ask_and_wait, stop
from e2e.conftest import Watched
from running_pack import RunningPack

pytestmark = pytest.mark.slow

HOSTILE = """
<script>window.ran = 1</script>
<img src=x onerror="window.ran = 2">
<svg onload="window.ran = 3"></svg>
<iframe srcdoc="<script>parent.ran = 4</script>"></iframe>
<form action="/llamapack/quit" method="post"><button>go</button></form>

[click](javascript:window.ran=5) [data](data:text/html,<script>window.ran=6</script>)
[relative](/llamapack/quit) [fine](https://example.com/a)

![remote](https://example.com/pixel.png) ![local](/favicon.svg)

`<img src=x onerror=window.ran=7>`

```html
<img src=x onerror="window.ran = 8">
```

<style>body { display: none }</style>
<a href="https://example.com" onclick="window.ran = 9" style="position:fixed">styled</a>
"""


def long_answer(route: Route) -> None:
    """A chat with one answer of sixty paragraphs, the first of them in Hebrew."""
    pieces = ["\u05e9\u05dc\u05d5\u05dd", *(f"Paragraph {n}." for n in range(60))]
    chat = {"id": "long", "title": "Long", "is_pinned": False, "updated_ms": 1, "head": "a"}
    common = {"chat": "long", "reasoning": "", "status": "done", "error": None, "figures": None}
    asked = {"id": "q", "parent": None, "role": "user", "content": "Go on.", **common}
    said = {"id": "a", "parent": "q", "role": "assistant", "content": "\n\n".join(pieces), **common}
    route.fulfill(json={"chat": chat, "messages": [asked, said]})


def loading(route: Route) -> None:
    progress = {"stage": "loading", "progress": 0.5, "loaded_bytes": 5e8, "total_bytes": 1e9}
    route.fulfill(status=503, json={"error": {"message": "loading"}, "loading": progress})


def test_the_page_becomes_ready(page: Page, screenshot: Callable[[Page, str], None]) -> None:
    expect(page.get_by_role("heading", name="What can I help you with?")).to_be_visible()
    expect(page.get_by_text("nothing leaves this computer")).to_be_visible()
    expect(page.get_by_label("Your message", exact=True)).to_be_focused()
    screenshot(page, "empty")


def test_an_answer_is_seen_while_it_grows(
    page: Page, screenshot: Callable[[Page, str], None]
) -> None:
    page.evaluate(
        """() => {
          window.lengths = new Set();
          const list = document.querySelector("#messages");
          const length = () => list.querySelector(".prose")?.textContent.length ?? 0;
          const look = () => window.lengths.add(length());
          new MutationObserver(look).observe(list, {subtree: true, childList: true});
        }"""
    )
    ask(page, LONG_QUESTION)
    page.wait_for_function("() => window.lengths.size > 20", timeout=ANSWER_MS)
    screenshot(page, "answer")
    page.get_by_role("button", name="Stop", exact=True).click()


def test_stop_ends_the_answer_and_frees_the_model(page: Page, pack_url: str) -> None:
    ask(page, LONG_QUESTION)
    stop(page)
    expect(page.get_by_label("Your message", exact=True)).to_be_focused()
    assert page.request.get(f"{pack_url}health").ok
    assert ask_and_wait(page, "Say hello.").strip()


def test_the_theme_can_be_chosen_and_is_kept(
    page: Page, screenshot: Callable[[Page, str], None]
) -> None:
    root = page.locator("html")
    expect(root).to_have_attribute("data-theme", "light")
    page.get_by_role("button", name="Settings").click()
    page.get_by_role("tab", name="Appearance").click()
    page.get_by_text("Dark", exact=True).click()
    expect(root).to_have_attribute("data-theme", "dark")
    page.keyboard.press("Escape")
    expect(page.locator("#settings")).to_be_hidden()
    page.reload()
    expect(root).to_have_attribute("data-theme", "dark")
    screenshot(page, "dark")


def test_chinese_can_be_chosen(page: Page, screenshot: Callable[[Page, str], None]) -> None:
    page.get_by_role("button", name="Settings").click()
    page.get_by_role("tab", name="Appearance").click()
    page.get_by_text("中文", exact=True).click()
    expect(page.get_by_role("heading", name="有什么可以帮你")).to_be_visible()
    expect(page.locator("html")).to_have_attribute("lang", "zh")
    page.keyboard.press("Escape")
    screenshot(page, "chinese")


def test_a_phone_needs_no_sideways_scrolling(
    page: Page, screenshot: Callable[[Page, str], None]
) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    ask_and_wait(page, "Say hello.")
    assert page.evaluate("() => document.documentElement.scrollWidth") == 360
    screenshot(page, "phone")


def test_shift_enter_breaks_the_line_and_a_composition_is_not_sent(page: Page) -> None:
    field = page.get_by_label("Your message", exact=True)
    field.fill("one")
    field.press("Shift+Enter")
    field.press_sequentially("two")
    field.dispatch_event("keydown", {"key": "Enter", "isComposing": True, "bubbles": True})
    expect(field).to_have_value("one\ntwo")
    expect(page.locator(".message")).to_have_count(0)


def test_a_message_written_while_the_model_loads_is_sent_when_it_is_ready(
    watched: Watched, pack_url: str, screenshot: Callable[[Page, str], None]
) -> None:
    page = watched.page
    page.route("**/health", loading)
    page.goto(pack_url)
    expect(page.locator("#loading-amount")).to_have_text("500 MB of 1.0 GB")
    screenshot(page, "loading")
    ask(page, "Say hello.")
    expect(page.get_by_text("Waiting for the model to be ready")).to_be_visible()
    page.reload()
    expect(page.get_by_text("Waiting for the model to be ready")).to_be_visible()
    page.unroute("**/health")
    expect(page.locator(SETTLED)).to_be_visible(timeout=ANSWER_MS)
    assert watched.complaints == []


def test_a_model_that_cannot_run_says_why_and_keeps_the_text(
    watched: Watched, pack_url: str, screenshot: Callable[[Page, str], None]
) -> None:
    page = watched.page
    sentence = "The model needs 9.1 GiB but 6.0 GiB is free."
    page.route("**/health", lambda route: route.fulfill(status=503, json={"failed": sentence}))
    page.goto(pack_url)
    expect(page.get_by_text(sentence)).to_be_visible()
    ask(page, "Say hello.")
    expect(page.get_by_label("Your message", exact=True)).to_have_value("Say hello.")
    screenshot(page, "failed")


def test_a_program_that_is_gone_is_noticed_and_found_again(page: Page) -> None:
    page.route("**/health", lambda route: route.abort("connectionrefused"))
    expect(page.get_by_text("The program has stopped", exact=True)).to_be_visible()
    page.unroute("**/health")
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_text("The program has stopped", exact=True)).to_be_hidden()


def test_a_message_that_is_refused_is_kept_and_can_be_sent_again(
    page: Page, watched: Watched
) -> None:
    refusal = {"message": "raw", "code": "server_busy"}
    answers = "**/llamapack/chats/*/answers"
    page.route(answers, lambda route: route.fulfill(status=400, json={"error": refusal}))
    ask(page, "Say hello.")
    expect(page.get_by_text("busy with other requests")).to_be_visible()
    watched.forget_refusals()
    page.reload()
    expect(page.locator(".message.user .body")).to_have_text("Say hello.")
    page.unroute(answers)
    page.get_by_role("button", name="Try again").click()
    expect(page.locator(SETTLED)).to_be_attached(timeout=ANSWER_MS)
    expect(page.locator(".message.user .body")).to_have_text(["Say hello."])


def test_the_page_follows_the_end_until_the_reader_scrolls_up(page: Page, pack_url: str) -> None:
    page.route("**/llamapack/chats/long", long_answer)
    page.goto(f"{pack_url}#/chat/long")
    expect(page.locator(".message")).to_have_count(2)
    jump = page.get_by_role("button", name="Jump to the latest text")
    expect(page.get_by_text("Paragraph 59.", exact=True)).to_be_in_viewport()
    expect(jump).to_be_hidden()
    page.locator("#scroller").hover()
    page.mouse.wheel(0, -600)
    expect(jump).to_be_visible()
    expect(page.get_by_text("Paragraph 59.", exact=True)).not_to_be_in_viewport()
    jump.click()
    expect(page.get_by_text("Paragraph 59.", exact=True)).to_be_in_viewport()


def test_each_block_has_the_direction_of_its_own_script(page: Page, pack_url: str) -> None:
    page.route("**/llamapack/chats/long", long_answer)
    page.goto(f"{pack_url}#/chat/long")
    expect(page.locator(".message")).to_have_count(2)
    directions = page.locator(".prose > div").evaluate_all(
        "(blocks) => blocks.slice(0, 2).map((block) => getComputedStyle(block).direction)"
    )
    assert directions == ["rtl", "ltr"]


def test_hostile_markdown_is_inert(page: Page, watched: Watched) -> None:
    before = len(watched.requests)
    links = page.evaluate(
        """async (text) => {
          const { renderMarkdown } = await import("/js/markdown.js");
          const body = document.createElement("div");
          document.querySelector("#messages").append(body);
          renderMarkdown(text, body);
          await new Promise((resolve) => requestAnimationFrame(resolve));
          const forbidden = "script, img, svg:not(.icon), iframe, form, style, [onclick], [style]";
          const active = body.querySelectorAll(forbidden);
          if (active.length) throw new Error(active[0].outerHTML);
          return [...body.querySelectorAll("a[href]")].map((a) => [a.href, a.target, a.rel]);
        }""",
        HOSTILE,
    )
    assert page.evaluate("() => window.ran") is None
    assert {href for href, _, _ in links} <= {
        "https://example.com/a",
        "https://example.com/pixel.png",
    }
    assert all(rest == ["_blank", "noopener noreferrer"] for _, *rest in links)
    own = re.compile(r"/(js|vendor)/[\w/-]+\.js$|/health$|/llamapack/\w+")
    assert [url for url in watched.requests[before:] if not own.search(url)] == []


def test_growing_markdown_ends_as_the_whole_would(page: Page) -> None:
    text = (
        "Intro\n\n1. a\n\n2. b\n   - c\n\n| x | y |\n|---|--:|\n| 1 | 2 |\n\n"
        "```python\nprint('é')\n\nx = 1\n```\n\nSee [the end][1].\n\n> quote\n\n[1]: https://example.com/\n"
    )
    page.evaluate(
        """async (text) => {
          const { MarkdownStream, renderMarkdown } = await import("/js/markdown.js");
          const [grown, whole] = [document.createElement("div"), document.createElement("div")];
          document.querySelector("#messages").append(grown, whole);
          const stream = new MarkdownStream(grown);
          for (let end = 1; end <= text.length; end++) stream.render(text.slice(0, end), false);
          stream.render(text, true);
          renderMarkdown(text, whole);
        }""",
        text,
    )
    expect(page.locator("#messages .hljs-string")).to_have_count(2)
    grown, whole = (page.locator(f"#messages > div:nth-child({n})").inner_html() for n in (1, 2))
    assert grown == whole


def test_no_request_leaves_the_computer(page: Page, watched: Watched, pack_url: str) -> None:
    ask_and_wait(page, "Show a link to https://example.com and an image.")
    page.get_by_role("button", name="Settings").click()
    page.get_by_role("tab", name="About").click()
    expect(page.get_by_role("tabpanel", name="About")).to_be_visible()
    assert [url for url in watched.requests if not url.startswith(pack_url)] == []


def test_quit_says_goodbye_and_ends_the_program(
    own_pack: RunningPack, watched: Watched, screenshot: Callable[[Page, str], None]
) -> None:
    page = watched.page
    page.goto(own_pack.url)
    page.get_by_role("button", name="Quit").click()
    page.get_by_role("dialog").get_by_role("button", name="Quit").click()
    expect(page.get_by_text(re.compile("You can close this tab"))).to_be_visible()
    own_pack.process.wait(10)
    screenshot(page, "goodbye")

"""Sources of an answer and what an answer was not made with, in Chromium: chats as the program
would send them, since no model cites in each run."""

import json
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from e2e.conftest import Watched

pytestmark = pytest.mark.slow

CHAT = {"id": "c", "title": "Rent", "is_pinned": False, "updated_ms": 1, "head": "a"}
CITED = """It ends in May [1], with notice [1, 2]. Of [3] nothing is known.

`code [1]`, [a link [1]](https://example.com/a) and

```
list[1]
```

Last [2]."""
HOSTILE = "<img src=x onerror='window.ran = 1'>"


def message(name: str, parent: str | None, role: str, content: str, **more: Any) -> dict[str, Any]:
    common = {"chat": "c", "reasoning": "", "status": "done", "error": None, "figures": None}
    ours = {"id": name, "parent": parent, "role": role, "content": content}
    return common | {"files": [], "sources": []} | ours | more


def source(number: int, *, page: int | None = None, text: str = "A passage.") -> dict[str, Any]:
    return {"n": number, "file": "f", "name": f"{HOSTILE}.pdf", "page": page, "text": text}


SOURCES = [source(1, page=3, text=HOSTILE), source(2)]


def show(page: Page, *messages: dict[str, Any]) -> None:
    chat = CHAT | {"head": messages[-1]["id"]}
    page.route(
        "**/llamapack/chats/c",
        lambda route: route.fulfill(json={"chat": chat, "messages": messages}),
    )
    page.goto(page.url.split("#")[0] + "#/chat/c")
    expect(page.locator(".message")).to_have_count(len(messages))


def show_cited(page: Page, **more: Any) -> Locator:
    answer = message("a", "q", "assistant", CITED, sources=SOURCES, **more)
    show(page, message("q", None, "user", "When?"), answer)
    return page.locator(".message.assistant .cite")


def test_citations_of_known_sources_are_buttons_but_not_in_code(page: Page) -> None:
    cites = show_cited(page)
    expect(cites).to_have_text(["[1]", "[1]", "[2]", "[2]"])
    expect(cites.first).to_have_accessible_name(f"Source 1: {HOSTILE}.pdf, page 3")
    expect(page.locator(".message.assistant .body")).to_contain_text("Of [3] nothing is known.")
    expect(page.locator(".message.assistant code").first).to_have_text("code [1]")


def test_a_citation_opens_its_passage_as_text(page: Page) -> None:
    cites = show_cited(page)
    passage = page.locator(".source-text").first
    expect(passage).to_be_hidden()
    cites.first.focus()
    page.keyboard.press("Enter")
    expect(passage).to_be_visible()
    expect(passage).to_have_text(HOSTILE)
    expect(page.locator(".sources li summary").first).to_be_focused()
    expect(page.locator(".sources li").nth(1).locator(".source-text")).to_be_hidden()
    assert page.evaluate("window.ran") is None


def test_many_sources_are_folded_away_until_one_is_cited(page: Page) -> None:
    many = [source(number) for number in range(1, 9)]
    answer = message("a", "q", "assistant", "So it is [7].", sources=many)
    show(page, message("q", None, "user", "When?"), answer)
    expect(page.get_by_text("Sources: 8")).to_be_visible()
    expect(page.locator(".sources li").first).to_be_hidden()
    page.get_by_role("button", name="Source 7").click()
    expect(page.locator(".sources li").nth(6).locator(".source-text")).to_be_visible()


def test_an_answer_is_copied_as_it_was_written(page: Page) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    show_cited(page)
    page.locator(".message.assistant .tools button").first.click()
    assert page.evaluate("navigator.clipboard.readText()") == CITED


def test_citations_are_made_while_the_answer_grows(page: Page, watched: Watched) -> None:
    answer = message("a", "q", "assistant", "", status="answering")
    pieces = ["It ends in May [1", "] and so on.\n\nNext [2] ", "is still open"]
    events = [("hello", {"revision": 1}), ("message", answer)]
    events += [("sources", {"id": "a", "sources": SOURCES})]
    for at, text in enumerate(pieces):
        place = len("".join(pieces[:at]))
        events.append(("text", {"id": "a", "content": text, "at": place}))
    body = "".join(f"event: {name}\ndata: {json.dumps(data)}\n\n" for name, data in events)

    def stream(route: Route) -> None:
        route.fulfill(body=body, content_type="text/event-stream")

    page.route("**/llamapack/events?*", stream)
    show(page, message("q", None, "user", "When?"), answer)
    cites = page.locator(".message.assistant .cite")
    expect(cites).to_have_text(["[1]", "[2]"])
    expect(page.locator(".message.assistant .body")).to_contain_text("is still open")
    cites.nth(1).click()
    expect(page.locator(".source-text").nth(1)).to_be_visible()
    watched.forget_refusals()


def test_where_the_model_no_longer_reads_the_chat_says_so(page: Page) -> None:
    figures = {"prompt_tokens": 3000, "completion_tokens": 50, "left_out": 2}
    show(
        page,
        message("q1", None, "user", "First"),
        message("a1", "q1", "assistant", "One."),
        message("q2", "a1", "user", "Second"),
        message("a2", "q2", "assistant", "Two.", figures=figures),
    )
    notice = page.get_by_text("The start of this chat no longer fits and is not read any more.")
    expect(notice.locator("visible=true")).to_have_count(1)
    second = page.locator(".message").filter(has_text="Second")
    expect(second.locator(".left-out")).to_be_visible()

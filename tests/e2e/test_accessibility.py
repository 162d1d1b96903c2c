"""axe-core (npm) looks at every view of the page, in both themes, and finds nothing serious."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, FilePayload, Page, expect

from clients.environment import node_environment
from e2e.asking import ask_and_wait, wait_until_ready
from e2e.speaking import speaking
from make_mmproj import png
from runtime.api.served import ABOUT, Server

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not shutil.which("npm"), reason="there is no Node.js with npm here"),
]
ANSWER = """# Moon

The **moon** is [near](https://example.com), `small` and:

| what | km |
|---|---|
| away | 384400 |

```python
print("moon")  # a comment
```

> Said somebody.
"""
SERIOUS = ("serious", "critical")


@pytest.fixture(scope="module")
def axe() -> str:
    folder = node_environment(Path(__file__).resolve().parent / "node", print)
    return (folder / "node_modules" / "axe-core" / "axe.min.js").read_text("utf-8")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Of a model that sees."""
    seeing = replace(ABOUT, model=replace(ABOUT.model, sees_images=True))
    folder = tmp_path_factory.mktemp("chats")
    with speaking(folder, lambda _: [ANSWER], about=seeing) as server:
        yield server


@pytest.fixture(params=["light", "dark"])
def tab(request: pytest.FixtureRequest, browser: Browser, served: Server) -> Iterator[Page]:
    context = browser.new_context(
        viewport={"width": 1200, "height": 820},
        locale="en-GB",
        color_scheme=request.param,
        reduced_motion="reduce",
    )
    page = context.new_page()
    page.goto(served.url)
    wait_until_ready(page)
    yield page
    context.close()


def check(page: Page, axe: str) -> None:
    """Everything that is shown; what axe calls serious or critical fails, with where it is."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(axe)
    found: list[dict[str, Any]] = page.evaluate("axe.run()")["violations"]
    told = [
        {"rule": one["id"], "help": one["help"], "where": [node["target"] for node in one["nodes"]]}
        for one in found
        if one["impact"] in SERIOUS
    ]
    assert told == [], json.dumps(told, indent=2)


def in_chat(page: Page) -> None:
    ask_and_wait(page, "Tell me of the moon.")


def in_editor(page: Page) -> None:
    in_chat(page)
    page.locator(".message.user").last.hover()
    page.get_by_role("button", name="Edit").last.click()


def in_menu(page: Page) -> None:
    in_chat(page)
    page.locator(".chat-row").first.hover()
    page.locator(".chat-row").first.get_by_role("button").click()
    expect(page.get_by_role("menu")).to_be_visible()


def in_search(page: Page) -> None:
    in_chat(page)
    page.get_by_label("Search chats").fill("moon")
    expect(page.locator(".chat-row mark").first).to_be_visible()


def in_settings(tab: str) -> Callable[[Page], None]:
    def show(page: Page) -> None:
        page.get_by_role("button", name="Settings").click()
        page.get_by_role("tab", name=tab).click()
        for folded in page.locator("dialog[open] details:not([open]) > summary").all():
            if folded.is_visible():
                folded.click()

    return show


def asking_to_quit(page: Page) -> None:
    page.get_by_role("button", name="Quit").click()
    expect(page.get_by_role("dialog")).to_be_visible()


def attach_pictures(page: Page) -> None:
    pictures: list[FilePayload] = [
        {"name": name, "mimeType": "image/png", "buffer": png(90, 60)}
        for name in ("cat.png", "dog.png")
    ]
    # Before, the page does not know that the model sees.
    expect(page.get_by_role("button", name="Attach files or pictures")).to_be_enabled()
    page.locator("#attach-file").set_input_files(pictures)
    expect(page.locator("#attached img")).to_have_count(2)


def with_pictures(page: Page) -> None:
    attach_pictures(page)
    in_chat(page)
    expect(page.locator(".message.user img")).to_have_count(2)
    attach_pictures(page)


def looking_closer(page: Page) -> None:
    with_pictures(page)
    page.get_by_role("button", name="Look at cat.png").first.click()
    expect(page.get_by_role("dialog").get_by_role("img", name="cat.png")).to_be_visible()


def on_a_phone(page: Page) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    in_chat(page)


def in_the_drawer(page: Page) -> None:
    on_a_phone(page)
    page.get_by_role("button", name="Show chats").click()


VIEWS: dict[str, Callable[[Page], None]] = {
    "welcome": lambda _: None,
    "chat": in_chat,
    "editor": in_editor,
    "menu": in_menu,
    "search": in_search,
    "pictures": with_pictures,
    "picture": looking_closer,
    "answers": in_settings("Answers"),
    "appearance": in_settings("Appearance"),
    "data": in_settings("Your data"),
    "about": in_settings("About"),
    "quit": asking_to_quit,
    "phone": on_a_phone,
    "drawer": in_the_drawer,
}


@pytest.mark.parametrize("view", VIEWS)
def test_axe_finds_nothing_serious(view: str, tab: Page, axe: str) -> None:
    VIEWS[view](tab)
    check(tab, axe)


def test_axe_finds_nothing_serious_in_the_documentation(
    tab: Page, axe: str, served: Server
) -> None:
    tab.goto(f"{served.url}docs.html")
    expect(tab.get_by_role("heading").first).to_be_visible()
    check(tab, axe)

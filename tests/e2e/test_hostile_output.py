"""Hostile text as a model's answer, thought, chat title, file name and file: nothing of it runs.

The payloads are those of the Big List of Naughty Strings (npm: blns) that have to do with scripts,
and some of our own for Markdown. Each would call alert() or ask another host."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Dialog, Page, expect

from clients.environment import node_environment
from e2e.asking import ask
from e2e.speaking import speaking
from runtime.api.served import Server

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not shutil.which("npm"), reason="there is no Node.js with npm here"),
]
FOLDER = Path(__file__).resolve().parent
PUBLIC_AT_LEAST = 60
AT_ONCE = 25  # payloads in one chat
OWN = [
    "[click](javascript:alert(1))",
    "[click](JaVaScRiPt&#58;alert(1))",
    "[click](data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==)",
    "![x](https://example.com/pixel.png)",
    '![x](x"onerror="alert(1))',
    '<https://example.com/" onmouseover="alert(1)>',
    "```html\n<img src=x onerror=alert(1)>\n```",
    '```"><img src=x onerror=alert(1)>\ncode\n```',
    "| <img src=x onerror=alert(1)> | b |\n|---|---|\n| <svg/onload=alert(1)> | c |",
    "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)></style></mglyph></table>",
    "<svg><style><img src=x onerror=alert(1)></style></svg>",
    "<form action=javascript:alert(1)><button>b</button></form>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<link rel=stylesheet href=https://example.com/x.css><style>@import'//example.com'</style>",
    "<meta http-equiv=refresh content='0;url=javascript:alert(1)'>",
    "<a href='https://example.com' ping='https://example.com/ping' target=_top>a</a>",
    "<div style='background:url(https://example.com/x)'>b</div>",
    "<form><input name=attributes><input name=nodeName></form>",
    "$\\href{javascript:alert(1)}{x}$ and $$\\includegraphics{https://example.com/x.png}$$",
    "<!-- <img src=x onerror=alert(1)> --!><img src=x onerror=alert(1)>",
]
# What a payload would do when it ran, and what the policy kept from running: both are noted.
WATCH = """
window.ran = [];
for (const name of ["alert", "confirm", "prompt", "open"]) {
  window[name] = () => window.ran.push(name);
}
document.addEventListener("securitypolicyviolation", (e) => window.ran.push(e.violatedDirective));
"""


def payloads() -> list[str]:
    strings: list[str] = json.loads(
        (node_environment(FOLDER / "node", print) / "node_modules/blns/resources/blns.json")
        .read_text("utf-8")
    )  # fmt: skip
    signs = ("script", "alert", "onerror", "<svg", "<iframe", "<img", "<a ", "<link", "<style")
    public = [one for one in strings if any(sign in one.lower() for sign in signs)]
    assert len(public) >= PUBLIC_AT_LEAST
    return public + OWN


@pytest.fixture(scope="module")
def hostile() -> list[str]:
    return payloads()


@pytest.fixture
def served(tmp_path: Path, hostile: list[str]) -> Iterator[Server]:
    """Answers the question N with the payload N, letter by letter."""

    def answer(question: str) -> list[str]:
        text = hostile[int(question.split()[-1])] if question.startswith("Say") else "Yes."
        return [*text] if len(text) < 200 else [text]

    with speaking(tmp_path, answer) as server:
        yield server


@pytest.fixture
def tab(browser: Browser, served: Server) -> Iterator[Page]:
    """A page that notes what runs; at the end nothing may have, nor asked another host."""
    context = browser.new_context(viewport={"width": 1200, "height": 820}, locale="en-GB")
    page = context.new_page()
    page.add_init_script(WATCH)
    asked: list[str] = []
    context.on("request", lambda request: asked.append(request.url))
    dialogs: list[str] = []

    def refuse(dialog: Dialog) -> None:
        dialogs.append(dialog.message)
        dialog.dismiss()

    page.on("dialog", refuse)
    page.goto(served.url)
    yield page
    assert page.evaluate("window.ran") == []
    assert dialogs == []
    assert [url for url in asked if not url.startswith((served.url, "data:"))] == []
    assert unsafe_parts(page) == []
    context.close()


def unsafe_parts(page: Page) -> list[str]:
    """Elements and attributes that only a hostile text could have brought into the conversation."""
    found: list[str] = page.evaluate(
        """() => [...document.querySelectorAll("#messages *, #chats *, .bar *")].flatMap((node) => [
            ...(/^(script|iframe|object|embed|link|meta|base|style|form)$/i.test(node.tagName)
              && !node.closest(".editor") ? [node.tagName] : []),
            ...[...node.attributes].filter(({ name, value }) =>
              name.startsWith("on") || name === "style" && /url/i.test(value)
              || /^(href|src|action|formaction|xlink:href)$/.test(name)
                 && /^\\s*(javascript|data|vbscript):/i.test(value))
              .map(({ name, value }) => `${node.tagName} ${name}=${value}`),
        ])"""
    )
    return found


def exported(title: str, texts: list[str]) -> dict[str, Any]:
    """A chat in which each text was asked, thought, answered and cited, and named a file, as an
    export has it."""
    messages: list[dict[str, Any]] = []
    for number, text in enumerate(texts):
        parent = f"a{number - 1}" if number else None
        said = {"content": text, "created_ms": number}
        named = {"name": text[:1000], "text": text}
        file = {"id": f"f{number}", "kind": "text", "pages": None, **named}
        source = {"n": 1, "file": file["id"], "page": None, **named}
        question = {"id": f"q{number}", "parent": parent, "role": "user", "files": [file]}
        answer = {"id": f"a{number}", "parent": question["id"], "role": "assistant"}
        messages += [question | said, answer | said | {"reasoning": text, "sources": [source]}]
    head = f"a{len(texts) - 1}" if texts else None
    times = {"created_ms": 1, "updated_ms": 2}
    return {"title": title[:200], "is_titled": True, "head": head, "messages": messages, **times}


def test_nothing_in_streamed_answers_runs(tab: Page, hostile: list[str]) -> None:
    """In one chat, as a person asks; the pointer passes over each answer, and links are pressed."""
    for number in [
        *range(0, len(hostile) - len(OWN), 10),
        *range(len(hostile) - len(OWN), len(hostile)),
    ]:
        before = tab.locator(".message.assistant").count()
        ask(tab, f"Say {number}")
        expect(tab.locator(".message.assistant")).to_have_count(before + 1)
        expect(tab.locator(".message.assistant:last-child .tools")).to_be_attached()
        tab.locator(".message.assistant").last.hover()


def test_nothing_in_stored_chats_runs(tab: Page, hostile: list[str], served: Server) -> None:
    """Each payload as all parts of an imported chat, and as a title."""
    parts = [hostile[start : start + AT_ONCE] for start in range(0, len(hostile), AT_ONCE)]
    chats = [exported(f"Part {number}", part) for number, part in enumerate(parts)]
    import_chats(served, [exported(text, []) for text in hostile])
    for chat_id, part in zip(import_chats(served, chats), parts, strict=True):
        tab.evaluate("(id) => { location.hash = `#/chat/${id}`; }", chat_id)
        expect(tab.locator(".message.assistant")).to_have_count(len(part))
        for folded in tab.locator(".thinking summary, .sources summary").all():
            folded.dispatch_event("click")
        tab.locator(".message.user .chip button").first.click()
        expect(tab.get_by_role("dialog")).to_be_visible()
        tab.keyboard.press("Escape")
        for link in tab.locator(".message.assistant .body a[href]").all():
            link.dispatch_event("mouseover")
            assert "noopener" in (link.get_attribute("rel") or "")
    rows = tab.locator(".chat-row")
    expect(rows.first).to_be_visible()
    while rows.count() < len(hostile):  # the rest of the list comes as its end is seen
        rows.last.scroll_into_view_if_needed()
        rows.nth(rows.count()).wait_for()


def import_chats(server: Server, chats: list[dict[str, Any]]) -> list[str]:
    """The ids of the last ones, in order."""
    data = {"format": "llamapack-chats", "version": 1, "chats": chats}
    with httpx.Client(base_url=server.url, trust_env=False, timeout=60) as client:
        added = client.post("llamapack/chats/import", json=data)
        assert added.status_code == 201, added.text
        listed = client.get("llamapack/chats", params={"limit": min(len(chats), 50)}).json()[
            "chats"
        ]
    return [one["id"] for one in reversed(listed)]

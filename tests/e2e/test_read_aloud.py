"""Answers read aloud: by voices of this computer only, and never the code in them."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from e2e.asking import ask_and_wait, new_chat_link
from e2e.conftest import Watched
from e2e.speaking import speaking
from runtime.api.served import Server

pytestmark = pytest.mark.slow

ANSWER = "# Rain\n\nThe rain is **wet** and it is cold.\n\n```python\nprint(1)\n```\n\nThe end."
CHINESE = "今天下雨了。"
# The browser's own interface, without its sound: which voices it has is the test's to say.
VOICES = """(voices) => {
  const said = (window.said = { texts: [], languages: [], cancelled: 0, waiting: [] });
  const synth = new EventTarget();
  Object.assign(synth, {
    getVoices: () => voices,
    speak(utterance) {
      said.texts.push(utterance.text);
      said.languages.push(utterance.voice.lang);
      said.waiting.push(utterance);
    },
    cancel() {
      said.cancelled++;
      said.waiting = [];
    },
  });
  window.finish = () => {
    for (const utterance of said.waiting.splice(0)) utterance.dispatchEvent(new Event("end"));
  };
  window.bring = (more) => {
    voices = more;
    synth.dispatchEvent(new Event("voiceschanged"));
  };
  Object.defineProperty(window, "speechSynthesis", { value: synth });
  window.SpeechSynthesisUtterance = class extends EventTarget {
    constructor(text) {
      super();
      this.text = text;
    }
  };
}"""
ENGLISH = {"lang": "en-GB", "localService": True, "default": True, "name": "Local"}
MANDARIN = {"lang": "zh-CN", "localService": True, "default": False, "name": "Local too"}
REMOTE = {"lang": "en-GB", "localService": False, "default": True, "name": "Somewhere else"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    def answer(question: str) -> list[str]:
        return [CHINESE if "Chinese" in question else ANSWER]

    with speaking(tmp_path_factory.mktemp("chats"), answer) as served:
        yield served


@pytest.fixture
def tab(watched: Watched) -> Iterator[Page]:
    yield watched.page
    assert watched.complaints == []


def open_page(page: Page, server: Server, *voices: dict[str, Any]) -> None:
    page.add_init_script(f"({VOICES})({json.dumps(voices)})")
    page.goto(server.url)
    expect(page.locator("#welcome")).to_be_visible()


def said(page: Page, what: str = "texts") -> Any:
    return page.evaluate("(what) => window.said[what]", what)


def test_words_are_read_and_code_is_not(tab: Page, server: Server) -> None:
    open_page(tab, server, ENGLISH)
    ask_and_wait(tab, "Tell me of rain.")
    button = tab.get_by_role("button", name="Read aloud")
    expect(button).to_have_attribute("aria-pressed", "false")
    button.click()
    expect(button).to_have_attribute("aria-pressed", "true")
    assert said(tab) == ["Rain", "The rain is wet and it is cold.", "The end."]
    tab.evaluate("() => window.finish()")
    expect(button).to_have_attribute("aria-pressed", "false")


def test_pressing_again_stops(tab: Page, server: Server) -> None:
    open_page(tab, server, ENGLISH)
    ask_and_wait(tab, "Tell me of rain.")
    button = tab.get_by_role("button", name="Read aloud")
    button.focus()
    tab.keyboard.press("Enter")
    expect(button).to_have_attribute("aria-pressed", "true")
    tab.keyboard.press("Enter")
    expect(button).to_have_attribute("aria-pressed", "false")
    expect(button).to_be_focused()
    assert said(tab, "cancelled") == 1


def test_another_answer_takes_over(tab: Page, server: Server) -> None:
    open_page(tab, server, ENGLISH)
    ask_and_wait(tab, "Tell me of rain.")
    ask_and_wait(tab, "Once more.")
    first, second = tab.get_by_role("button", name="Read aloud").all()
    first.click()
    second.click()
    expect(first).to_have_attribute("aria-pressed", "false")
    expect(second).to_have_attribute("aria-pressed", "true")
    assert said(tab, "cancelled") == 1


def test_leaving_the_chat_stops(tab: Page, server: Server) -> None:
    open_page(tab, server, ENGLISH)
    ask_and_wait(tab, "Tell me of rain.")
    tab.get_by_role("button", name="Read aloud").click()
    new_chat_link(tab).click()
    expect(tab.locator("#welcome")).to_be_visible()
    assert said(tab, "cancelled") == 1


def test_the_voice_speaks_the_answers_language(tab: Page, server: Server) -> None:
    open_page(tab, server, ENGLISH, MANDARIN)
    ask_and_wait(tab, "Chinese, please.")
    tab.get_by_role("button", name="Read aloud").click()
    assert said(tab) == [CHINESE]
    assert said(tab, "languages") == ["zh-CN"]


def test_without_a_voice_for_the_language_there_is_no_button(tab: Page, server: Server) -> None:
    open_page(tab, server, ENGLISH)
    ask_and_wait(tab, "Chinese, please.")
    expect(tab.get_by_role("button", name="Copy", exact=True).last).to_be_attached()
    expect(tab.get_by_role("button", name="Read aloud")).to_have_count(0)


def test_a_voice_of_another_computer_is_never_used(tab: Page, server: Server) -> None:
    open_page(tab, server, REMOTE)
    ask_and_wait(tab, "Tell me of rain.")
    expect(tab.get_by_role("button", name="Copy", exact=True).last).to_be_attached()
    expect(tab.get_by_role("button", name="Read aloud")).to_have_count(0)


def test_voices_may_come_later(tab: Page, server: Server) -> None:
    open_page(tab, server)
    ask_and_wait(tab, "Tell me of rain.")
    expect(tab.get_by_role("button", name="Read aloud")).to_have_count(0)
    tab.evaluate("(voices) => window.bring(voices)", [REMOTE, ENGLISH])
    tab.get_by_role("button", name="Read aloud").click()
    assert said(tab, "languages") == ["en-GB"] * 3

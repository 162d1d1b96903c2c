"""The open chat in Chromium against a real pack: kept by the program, live, with branches."""

import re

import pytest
from playwright.sync_api import Page, expect

from e2e.asking import (
    ANSWER_MS,
    LONG_QUESTION,
    SETTLED,
    ask,
    ask_and_wait,
    new_chat_link,
    stop,
    wait_for_answer,
)
from e2e.conftest import Watched

pytestmark = pytest.mark.slow

CHAT = re.compile(r"#/chat/\w+$")


def second_tab(page: Page) -> Page:
    """Of the same browser, at the same address."""
    other = page.context.new_page()
    other.goto(page.url)
    return other


def test_a_reload_shows_the_chat_of_the_address_and_the_draft(page: Page) -> None:
    answer = ask_and_wait(page, "Say hello.")
    expect(page).to_have_url(CHAT)
    page.get_by_label("Your message", exact=True).fill("not sent yet")
    page.reload()
    expect(page.locator(".message.user .body")).to_have_text("Say hello.")
    expect(page.locator(".message.assistant .body")).to_have_text(answer, use_inner_text=True)
    expect(page.get_by_label("Your message", exact=True)).to_have_value("not sent yet")


def test_each_chat_keeps_its_own_draft_and_going_back_works(page: Page) -> None:
    ask_and_wait(page, "Say hello.")
    field = page.get_by_label("Your message", exact=True)
    field.fill("for the first")
    new_chat_link(page).click()
    expect(page.locator(".message")).to_have_count(0)
    expect(field).to_have_value("")
    field.fill("for a new one")
    page.go_back()
    expect(page.locator(".message")).to_have_count(2)
    expect(field).to_have_value("for the first")
    page.go_forward()
    expect(field).to_have_value("for a new one")


def test_an_answer_goes_on_through_a_reload_and_two_tabs_show_the_same(page: Page) -> None:
    ask(page, LONG_QUESTION)
    expect(page.locator(".message.assistant .body")).not_to_be_empty(timeout=ANSWER_MS)
    other = second_tab(page)
    page.reload()
    expect(page.get_by_role("button", name="Stop", exact=True)).to_be_visible()
    answers = [wait_for_answer(tab) for tab in (page, other)]
    assert answers[0] == answers[1]
    assert len(answers[0]) > 200


def test_a_message_written_in_one_tab_appears_in_the_other(page: Page) -> None:
    ask_and_wait(page, "Say hello.")
    other = second_tab(page)
    expect(other.locator(".message")).to_have_count(2)
    ask_and_wait(page, "Say goodbye.")
    expect(other.locator(".message")).to_have_count(4)
    expect(other.locator(SETTLED)).to_be_attached(timeout=ANSWER_MS)


def test_answering_again_adds_a_version(page: Page) -> None:
    ask_and_wait(page, "Say hello.")
    page.get_by_role("button", name="Answer again").click()
    expect(page.get_by_text("2 / 2", exact=True)).to_be_visible(timeout=ANSWER_MS)
    wait_for_answer(page)
    expect(page.locator(".message.assistant")).to_have_count(1)
    page.get_by_role("button", name="Previous version").click()
    expect(page.get_by_text("1 / 2", exact=True)).to_be_visible()
    page.reload()
    expect(page.get_by_text("1 / 2", exact=True)).to_be_visible()


def test_an_edited_message_is_a_version_and_the_old_one_keeps_what_followed(page: Page) -> None:
    ask_and_wait(page, "Say helo.")
    ask_and_wait(page, "Thanks.")
    page.locator(".message.user").first.hover()
    page.get_by_role("button", name="Edit").first.click()
    editor = page.get_by_label("Your message, changed")
    expect(editor).to_have_value("Say helo.")
    editor.fill("Say hello.")
    page.reload()
    expect(editor).to_have_value("Say hello.")
    editor.press("Enter")
    expect(page.locator(".message.user .body")).to_have_text(["Say hello."])
    wait_for_answer(page)
    page.get_by_role("button", name="Previous version").click()
    expect(page.locator(".message.user .body")).to_have_text(["Say helo.", "Thanks."])
    expect(page.get_by_role("button", name="Next version")).to_be_focused()


def test_a_stopped_answer_can_go_on(page: Page) -> None:
    ask(page, LONG_QUESTION)
    stop(page)
    before = page.locator(".message.assistant .body").inner_text()
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_text("Stopped.", exact=True)).to_be_hidden()
    after = wait_for_answer(page)
    assert len(after) > len(before)
    assert after.startswith(before[: len(before) // 2])


def test_a_tab_that_lost_the_stream_misses_nothing(page: Page, watched: Watched) -> None:
    ask_and_wait(page, "Say hello.")
    events = "**/llamapack/events?*"
    page.route(events, lambda route: route.abort("connectionreset"))
    page.reload()
    expect(page.locator(".message")).to_have_count(2)
    other = second_tab(page)
    expect(other.locator(".message")).to_have_count(2)
    ask_and_wait(other, "Say goodbye.")
    page.unroute(events)
    expect(page.locator(".message")).to_have_count(4, timeout=15_000)  # it asks ever less often
    watched.forget_refusals()


def test_the_address_of_a_chat_that_is_gone_leads_to_a_new_one(
    page: Page, pack_url: str, watched: Watched
) -> None:
    page.goto(f"{pack_url}#/chat/0123456789abcdef")
    expect(page.get_by_text("This chat is not here any more.")).to_be_visible()
    expect(page.get_by_role("heading", name="What can I help you with?")).to_be_visible()
    watched.forget_refusals()

"""The list of chats and the settings in Chromium against a real pack."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Download, Locator, Page, expect

from e2e.asking import ask_and_wait, new_chat_link

pytestmark = pytest.mark.slow


def row(page: Page, title: str) -> Locator:
    return page.locator(".chat-row", has=page.get_by_text(title, exact=True))


def choose(page: Page, title: str, action: str) -> None:
    row(page, title).hover()
    row(page, title).get_by_role("button").click()
    page.get_by_role("menuitem", name=action, exact=True).click()


def named_chat(page: Page, title: str) -> None:
    """A new one with this first message, answered."""
    new_chat_link(page).click()
    expect(page.locator(".message")).to_have_count(0)
    ask_and_wait(page, title)
    expect(row(page, title)).to_be_visible()


def open_data(page: Page) -> Locator:
    page.get_by_role("button", name="Settings").click()
    page.get_by_role("tab", name="Your data").click()
    return page.get_by_role("tabpanel", name="Your data")


def test_a_chat_is_named_after_its_first_message_and_can_be_renamed(page: Page) -> None:
    named_chat(page, "Say moon.")
    choose(page, "Say moon.", "Rename")
    field = page.get_by_label("New name of the chat")
    expect(field).to_be_focused()
    field.fill("The moon")
    field.press("Enter")
    expect(row(page, "The moon")).to_be_visible()
    page.reload()
    expect(row(page, "The moon")).to_be_visible()
    expect(page).to_have_title("The moon · " + page.locator("#brand-name").inner_text())


def test_escape_keeps_the_old_name(page: Page) -> None:
    named_chat(page, "Say mars.")
    row(page, "Say mars.").get_by_role("link").press("F2")
    page.get_by_label("New name of the chat").fill("Other")
    page.get_by_label("New name of the chat").press("Escape")
    expect(row(page, "Say mars.")).to_be_visible()


def test_a_pinned_chat_stays_above(page: Page) -> None:
    named_chat(page, "Say first.")
    choose(page, "Say first.", "Pin")
    named_chat(page, "Say second.")
    page.reload()
    expect(page.locator(".chat-group").first.get_by_text("Say first.")).to_be_visible()
    expect(page.get_by_role("heading", name="Pinned")).to_be_visible()


def test_the_search_finds_words_of_messages_and_marks_them(
    page: Page, screenshot: Callable[[Page, str], None]
) -> None:
    named_chat(page, "Say hello to the platypus.")
    page.keyboard.press("Control+k")
    expect(page.get_by_label("Search chats")).to_be_focused()
    page.keyboard.type("platypus")
    expect(page.locator(".chat-row")).to_have_count(1)
    expect(page.locator(".chat-excerpt mark").first).to_have_text("platypus")
    screenshot(page, "search")
    page.get_by_label("Search chats").fill("zzzz")
    expect(page.get_by_text("Nothing found for “zzzz”.")).to_be_visible()
    page.keyboard.press("Escape")
    expect(row(page, "Say hello to the platypus.")).to_be_visible()


def test_a_deleted_chat_can_be_brought_back_until_the_page_is_left(
    page: Page, pack_url: str
) -> None:
    named_chat(page, "Say gone.")
    chat = f"{pack_url}llamapack/chats/{page.url.rpartition('/')[2]}"
    choose(page, "Say gone.", "Delete")
    expect(row(page, "Say gone.")).to_have_count(0)
    expect(page.locator(".message")).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(".message")).to_have_count(2)
    choose(page, "Say gone.", "Delete")
    expect(row(page, "Say gone.")).to_have_count(0)
    assert page.request.get(chat).status == 200
    page.reload()
    expect(new_chat_link(page)).to_be_visible()
    expect(page.locator("#chats-note").or_(page.locator(".chat-row")).first).to_be_visible()
    expect(row(page, "Say gone.")).to_have_count(0)
    assert page.request.get(chat).status == 404


def test_the_list_is_used_by_keys(page: Page) -> None:
    named_chat(page, "Say older.")
    named_chat(page, "Say newer.")
    newer, older = (row(page, name).get_by_role("link") for name in ("Say newer.", "Say older."))
    newer.focus()
    page.keyboard.press("ArrowDown")
    expect(older).to_be_focused()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(page.get_by_role("menuitem", name="Rename")).to_be_focused()
    page.keyboard.press("Escape")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")
    expect(page.locator(".message.user .body")).to_have_text("Say older.")


def test_on_a_phone_the_list_is_a_drawer(
    page: Page, screenshot: Callable[[Page, str], None]
) -> None:
    named_chat(page, "Say drawer.")
    page.set_viewport_size({"width": 360, "height": 740})
    drawer = page.get_by_role("navigation", name="Chats")
    expect(drawer).to_be_hidden()
    page.get_by_role("button", name="Show chats").click()
    expect(drawer).to_be_visible()
    screenshot(page, "drawer")
    page.keyboard.press("Escape")
    expect(drawer).to_be_hidden()
    expect(page.get_by_role("button", name="Show chats")).to_be_focused()
    assert page.evaluate("document.documentElement.scrollWidth") == 360


def test_the_list_stays_hidden_when_it_was_hidden(page: Page) -> None:
    page.get_by_role("button", name="Hide chats").click()
    page.reload()
    expect(page.get_by_role("button", name="Show chats")).to_be_visible()
    expect(page.get_by_role("navigation", name="Chats")).to_be_hidden()


def test_preset_and_instructions_are_kept(
    page: Page, pack_url: str, screenshot: Callable[[Page, str], None]
) -> None:
    page.get_by_role("button", name="Settings").click()
    screenshot(page, "settings")
    page.get_by_text("Precise", exact=True).click()
    expect(page.get_by_text("Saved.", exact=True)).to_be_visible()
    with page.expect_response("**/llamapack/settings"):
        page.get_by_label("Your instructions").fill("Be short.")
        page.keyboard.press("Escape")
    page.reload()
    page.get_by_role("button", name="Settings").click()
    expect(page.get_by_label("Precise")).to_be_checked()
    expect(page.get_by_label("Your instructions")).to_have_value("Be short.")
    before = {"preset": "balanced", "instructions": ""}
    assert page.request.patch(f"{pack_url}llamapack/settings", data=before).ok


def test_chats_can_be_taken_along_deleted_and_brought_back(page: Page, tmp_path: Path) -> None:
    named_chat(page, "Say luggage.")
    panel = open_data(page)
    with page.expect_download() as taken:
        panel.get_by_role("link", name="JSON").first.click()
    path = save(taken.value, tmp_path)
    assert "Say luggage." in json.dumps(json.loads(path.read_text("utf-8")))
    panel.get_by_role("button", name="Delete").click()
    page.get_by_role("button", name="Go on").click()
    page.get_by_role("button", name="No, keep them").click()
    panel.get_by_role("button", name="Delete").click()
    page.get_by_role("button", name="Go on").click()
    page.get_by_role("button", name="Yes, delete everything").click()
    expect(panel.get_by_text("All chats are deleted.")).to_be_visible()
    expect(page.locator(".chat-row")).to_have_count(0)
    panel.locator("input[type=file]").set_input_files(path)
    expect(panel.get_by_text("Brought in: chats")).to_be_visible()
    page.keyboard.press("Escape")
    row(page, "Say luggage.").click()
    expect(page.locator(".message")).to_have_count(2)


def test_a_file_that_holds_no_chats_is_refused_in_words(page: Page, tmp_path: Path) -> None:
    path = tmp_path / "notes.json"
    path.write_text("not JSON", "utf-8")
    panel = open_data(page)
    panel.locator("input[type=file]").set_input_files(path)
    expect(panel.get_by_text("notes.json is not a file of chats.")).to_be_visible()


def save(download: Download, folder: Path) -> Path:
    path = folder / download.suggested_filename
    download.save_as(path)
    return path

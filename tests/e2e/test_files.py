"""Files of a message in Chromium against a real pack: attached, kept with the draft, sent, read."""

import re
from collections.abc import Callable
from typing import Literal

import pytest
from playwright.sync_api import FilePayload, Locator, Page, Route, expect

from e2e.asking import ANSWER_MS, ask, wait_for_answer
from e2e.conftest import Watched

pytestmark = pytest.mark.slow

UPLOADS = "**/llamapack/files?*"
NOTE = "The garden gate has the number 4711. The key hangs behind the oil lamp."
PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(64)
BROUGHT = """([type, files, text]) => {
  const data = new DataTransfer();
  for (const [name, content] of files) data.items.add(new File([content], name));
  if (text) data.setData("text/plain", text);
  const common = { bubbles: true, cancelable: true };
  const event = type === "paste" ? new ClipboardEvent(type, { clipboardData: data, ...common })
    : new DragEvent(type, { dataTransfer: data, ...common });
  document.querySelector("#prompt").dispatchEvent(event);
  return event.defaultPrevented;
}"""


def payload(name: str, text: str) -> FilePayload:
    return {"name": name, "mimeType": "", "buffer": text.encode()}


def attach(page: Page, *names: str, text: str = NOTE) -> None:
    expect(page.get_by_role("button", name="Attach files")).to_be_enabled()
    page.locator("#attach-file").set_input_files([payload(name, text) for name in names])


def bring(
    page: Page, how: Literal["dragover", "drop", "paste"], files: dict[str, str], text: str = ""
) -> bool:
    """Over the page, onto it or into the text field; whether the page took it."""
    expect(page.get_by_role("button", name="Attach files")).to_be_enabled()
    return bool(page.evaluate(BROUGHT, [how, [*files.items()], text]))


def chip(page: Page, name: str) -> Locator:
    """Over the text field."""
    return page.locator("#attached .chip").filter(has=page.get_by_role("button", name=name))


def wait_until_read(page: Page, name: str) -> Locator:
    read = page.locator("#attached").get_by_role("button", name=f"Read {name}", exact=False)
    expect(read).to_be_enabled()
    return read


def remove(page: Page, name: str) -> None:
    page.locator("#attached").get_by_role("button", name=f"Remove {name}", exact=True).click()


class HeldUploads:
    """Uploads that the network keeps until they are let go."""

    def __init__(self, page: Page) -> None:
        self._held: list[Route] = []
        self._page = page
        page.route(UPLOADS, self._hold)

    def _hold(self, route: Route) -> None:
        self._held.append(route)

    def let_go(self) -> None:
        for route in self._held:
            route.continue_()
        self._page.unroute(UPLOADS)


def test_a_file_is_attached_sent_and_shown_with_its_message(
    page: Page, screenshot: Callable[[Page, str], None]
) -> None:
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Attach files").click()
    chooser.value.set_files([payload("gate.txt", NOTE)])
    expect(wait_until_read(page, "gate.txt")).to_have_accessible_name(re.compile(r"≈ \d+ tokens"))
    expect(page.locator("#cost")).to_have_text(re.compile(r"^About \d+ tokens; there is room for"))
    screenshot(page, "attached")
    ask(page, "Which number has the gate?")
    expect(page.locator("#attached .chip")).to_have_count(0)
    sent = page.locator(".message.user").get_by_role("button", name="Read gate.txt")
    expect(sent).to_be_visible()
    wait_for_answer(page)
    page.reload()
    expect(sent).to_be_visible()


def test_a_file_alone_is_a_message_and_other_tabs_show_it(page: Page) -> None:
    attach(page, "gate.txt")
    wait_until_read(page, "gate.txt")
    ask(page, "")
    wait_for_answer(page)
    other = page.context.new_page()
    other.goto(page.url)
    for tab in (page, other):
        shown = tab.locator(".message.user").get_by_role("button", name="Read gate.txt")
        expect(shown).to_be_visible()


def test_the_text_of_a_file_is_shown_as_text(page: Page) -> None:
    text = "<img src=x onerror='window.ran = 1'> & <script>window.ran = 2</script>"
    attach(page, "<b>page<b>.md", text=text)
    wait_until_read(page, "<b>page<b>.md").click()
    dialog = page.get_by_role("dialog", name="<b>page<b>.md")
    expect(dialog.locator(".file-text")).to_have_text(text)
    dialog.get_by_role("button", name="Close").click()
    expect(dialog).to_be_hidden()
    assert page.evaluate("window.ran") is None
    assert page.locator("#attached b, #file img, #file script").count() == 0


def test_a_refused_file_says_why_and_the_message_goes_without_it(
    page: Page, watched: Watched
) -> None:
    expect(page.get_by_role("button", name="Attach files")).to_be_enabled()
    page.locator("#attach-file").set_input_files(
        {"name": "photo.png", "mimeType": "image/png", "buffer": PICTURE}
    )
    reason = chip(page, "photo.png").locator(".chip-reason")
    expect(reason).to_contain_text("This model reads text only")
    expect(page.locator("#file-announcer")).to_contain_text("photo.png was not attached.")
    ask(page, "Say hello.")
    expect(page.locator(".message.user .body")).to_have_text("Say hello.")
    expect(page.locator(".message.user .chip, #attached .chip")).to_have_count(0)
    wait_for_answer(page)
    watched.forget_refusals()


def test_files_can_be_dropped_and_pasted_and_text_stays_text(page: Page) -> None:
    zone = page.locator("#drop-zone")
    assert bring(page, "dragover", {"a.txt": "one"})
    expect(zone).to_be_visible()
    assert bring(page, "drop", {"a.txt": "one", "b.md": "two"})
    expect(zone).to_be_hidden()
    assert bring(page, "paste", {"c.csv": "x,y\n1,2"}, text="c.csv")
    for name in ("a.txt", "b.md", "c.csv"):
        wait_until_read(page, name)
    assert not bring(page, "paste", {"image.png": "a picture of the words"}, text="Some words.")
    assert not bring(page, "paste", {}, text="Some words.")
    expect(page.locator("#attached .chip")).to_have_count(3)


def test_a_drag_that_has_left_takes_the_drop_zone_with_it(page: Page) -> None:
    bring(page, "dragover", {"a.txt": "one"})
    expect(page.locator("#drop-zone")).to_be_visible()
    expect(page.locator("#drop-zone")).to_be_hidden()


def test_files_of_a_draft_survive_a_reload_and_a_lost_one_says_so(
    page: Page, watched: Watched
) -> None:
    attach(page, "kept.txt", "lost.txt")
    wait_until_read(page, "kept.txt")
    with page.expect_response(re.compile(r"/llamapack/files/\w+$")) as fetched:
        wait_until_read(page, "lost.txt").click()
    page.request.delete(fetched.value.url)
    page.reload()
    wait_until_read(page, "kept.txt")
    expect(chip(page, "lost.txt")).to_contain_text("This file is not here any more.")
    watched.forget_refusals()


def test_an_upload_that_a_reload_cut_short_says_so(page: Page) -> None:
    HeldUploads(page)
    attach(page, "big.txt")
    expect(chip(page, "big.txt")).to_be_visible()
    page.reload()
    expect(chip(page, "big.txt")).to_contain_text("had not arrived before the page was reloaded")


def test_a_removed_file_is_deleted_and_the_focus_goes_on(page: Page) -> None:
    attach(page, "a.txt", "b.txt")
    wait_until_read(page, "b.txt")
    wait_until_read(page, "a.txt")
    with page.expect_response(lambda reply: reply.request.method == "DELETE") as deleted:
        remove(page, "a.txt")
    assert deleted.value.status == 204
    expect(page.get_by_role("button", name="Remove b.txt")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_label("Your message", exact=True)).to_be_focused()
    expect(page.locator("#attached .chip")).to_have_count(0)


def test_a_removed_file_is_not_uploaded_any_more(page: Page) -> None:
    HeldUploads(page)
    attach(page, "big.txt")
    with page.expect_event("requestfailed", lambda request: "/llamapack/files?" in request.url):
        remove(page, "big.txt")
    expect(page.locator("#attached .chip")).to_have_count(0)


def test_a_message_waits_for_its_files(page: Page) -> None:
    held = HeldUploads(page)
    attach(page, "gate.txt")
    expect(chip(page, "gate.txt")).to_be_visible()
    ask(page, "Which number has the gate?")
    waits = page.get_by_role("button", name="Sent as soon as the files are read")
    expect(waits).to_be_visible()
    expect(page.locator(".message")).to_have_count(0)
    held.let_go()
    expect(page.locator(".message.user .chip")).to_have_count(1)
    expect(page.locator(".message.user .body")).to_have_text("Which number has the gate?")


def test_twenty_files_fit_one_message(page: Page) -> None:
    HeldUploads(page)
    attach(page, *(f"{number}.txt" for number in range(21)))
    expect(page.get_by_text("Files that one message can have: 20.")).to_be_visible()
    expect(page.locator("#attached .chip")).to_have_count(20)


def test_an_edited_message_keeps_its_files_and_can_lose_them(page: Page) -> None:
    attach(page, "gate.txt", "lamp.txt")
    for name in ("gate.txt", "lamp.txt"):
        wait_until_read(page, name)
    ask(page, "Which number has the gate?")
    wait_for_answer(page)
    for left in (1, 0):
        page.locator(".message.user").hover()
        page.get_by_role("button", name="Edit", exact=True).click()
        editor = page.locator(".editor")
        expect(editor.locator(".chip")).to_have_count(left + 1)
        editor.get_by_role("button", name="Remove").last.click()
        editor.get_by_role("button", name="Send").click()
        expect(page.locator(".message.user .chip")).to_have_count(left)
        wait_for_answer(page)
    for more in (1, 2):
        page.get_by_role("button", name="Previous version").click()
        expect(page.locator(".message.user .chip")).to_have_count(more)


def test_a_message_that_failed_keeps_its_files(page: Page, watched: Watched) -> None:
    attach(page, "gate.txt")
    wait_until_read(page, "gate.txt")
    page.route("**/answers", lambda route: route.fulfill(status=503, json={"error": "full"}))
    ask(page, "Which number has the gate?")
    page.get_by_role("button", name="Back to the text field").click()
    wait_until_read(page, "gate.txt")
    expect(page.get_by_label("Your message", exact=True)).to_have_value(
        "Which number has the gate?"
    )
    page.unroute("**/answers")
    ask(page, "Which number has the gate?")
    expect(page.locator(".message.user .chip")).to_have_count(1)
    wait_for_answer(page)
    watched.forget_refusals()


def test_chips_fit_a_phone(page: Page, screenshot: Callable[[Page, str], None]) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    attach(page, "a very long name of a report about nothing in particular, part 3.txt", "b.txt")
    wait_until_read(page, "b.txt")
    expect(page.locator("#attached .chip")).to_have_count(2)
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    for box in [one.bounding_box() for one in page.locator("#attached .chip").all()]:
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 360
    screenshot(page, "attached-phone")


def test_the_meter_tells_what_the_chat_takes(page: Page) -> None:
    expect(page.get_by_role("meter")).to_have_count(0)
    ask(page, "Say hello.")
    meter = page.get_by_role("meter", name="Memory of this chat")
    expect(meter).to_be_visible(timeout=ANSWER_MS)
    words = re.compile(r"^[\d,]+ of [\d,]+ tokens used$")
    expect(meter).to_have_attribute("aria-valuetext", words)
    meter.focus()
    expect(page.locator("#meter-tip")).to_be_visible()
    expect(page.locator("#meter-tip")).to_have_text(words)


def test_passages_of_a_text_longer_than_the_context_are_shown_before_the_answer(
    page: Page, screenshot: Callable[[Page, str], None]
) -> None:
    filler = "The committee met in the usual room and spoke of the weather for an hour.\n\n"
    attach(page, "minutes.txt", text=filler * 400 + NOTE + "\n\n" + filler * 400)
    wait_until_read(page, "minutes.txt")
    expect(page.locator("#cost")).to_contain_text("too many to read whole")
    ask(page, "Where does the key of the garden gate hang?")
    sources = page.locator(".message.assistant .sources")
    expect(sources.locator("> summary")).to_have_text(re.compile(r"Sources: \d"), timeout=ANSWER_MS)
    passages = sources.locator(".source-text").all_text_contents()
    assert [NOTE in passage for passage in passages].count(True) == 1
    page.reload()
    expect(sources).to_be_visible()
    screenshot(page, "sources")
    page.get_by_role("button", name="Stop", exact=True).click()

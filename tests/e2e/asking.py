"""How a person asks on the chat page, for its tests."""

from playwright.sync_api import Locator, Page, expect

ANSWER_MS = 60_000
LONG_QUESTION = "Write a long story about a fisherman, a storm and an old lighthouse."
SETTLED = ".message.assistant:last-child .tools"


def wait_until_ready(page: Page) -> None:
    """Until the page's own modules run and the model can answer: before the first of them nothing
    says that it is loading."""
    expect(page.locator("#private-line")).not_to_be_empty(timeout=ANSWER_MS)
    expect(page.locator("#loading")).to_be_hidden(timeout=ANSWER_MS)


def ask(page: Page, text: str) -> None:
    page.get_by_label("Your message", exact=True).fill(text)
    page.get_by_label("Your message", exact=True).press("Enter")


def new_chat_link(page: Page) -> Locator:
    """The sidebar's. A chat that just began may have the same name in the list, until its title is
    known."""
    return page.locator("#new-chat").and_(page.get_by_role("link", name="New chat"))


def wait_for_answer(page: Page) -> str:
    """Until the last answer is complete; what the page shows of it."""
    expect(page.locator(SETTLED)).to_be_attached(timeout=ANSWER_MS)
    return page.locator(".message.assistant .body").last.inner_text()


def ask_and_wait(page: Page, text: str) -> str:
    before = page.locator(".message.assistant").count()
    ask(page, text)
    expect(page.locator(".message.assistant")).to_have_count(before + 1)
    return wait_for_answer(page)


def stop(page: Page) -> None:
    """The answer, once there is some of it."""
    expect(page.locator(".message.assistant .body").last).not_to_be_empty(timeout=ANSWER_MS)
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(page.get_by_text("Stopped.", exact=True)).to_be_visible()

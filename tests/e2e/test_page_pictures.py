"""Pictures in Chromium against the program with a tiny model that sees: attached in every way, made
smaller, sent, kept, looked at again, and gone with their chat."""

from __future__ import annotations

import base64
import os
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import FilePayload, Locator, Page, expect

import llamapack_runtime
import needs
import running_pack
from e2e.asking import ask, ask_and_wait, wait_for_answer, wait_until_ready
from e2e.conftest import Watched
from e2e.speaking import WEB, SpeakingSession
from llamapack_runtime.api.service import AnswerDefaults, Service
from llamapack_runtime.engine.sampling import SamplingParams
from llamapack_runtime.files.picture_header import PictureHeader, read_header
from make_gguf import make_gguf
from make_mmproj import N_TOKENS, make_mmproj, png
from runtime.api.served import ABOUT, Server, serving
from runtime.launch.processes import Home, Running, running

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(180),
    needs.LIBRARIES,
]
SOURCE = Path(llamapack_runtime.__file__).parents[1]
SHORT = ("--no-browser", "--threads", "1", "--predict", "8", "--seed", "1")
HOSTILE_NAME = "<img src=x onerror='window.ran = 1'>.png"
# What a camera or a clipboard brings: a file that the page's own browser makes.
BRING = """async ([how, name, type, width, height]) => {
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  const pen = canvas.getContext("2d");
  pen.fillStyle = "teal";
  pen.fillRect(0, 0, width / 2, height / 2);
  const blob = await new Promise((resolve) => canvas.toBlob(resolve, type));
  const data = new DataTransfer();
  data.items.add(new File([blob], name, { type }));
  const common = { bubbles: true, cancelable: true };
  const event = how === "paste" ? new ClipboardEvent(how, { clipboardData: data, ...common })
    : new DragEvent(how, { dataTransfer: data, ...common });
  document.querySelector("#prompt").dispatchEvent(event);
  return event.defaultPrevented;
}"""
JPEG = """async ([width, height]) => {
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  canvas.getContext("2d").fillRect(0, 0, width, height / 2);
  return canvas.toDataURL("image/jpeg").split(",")[1];
}"""


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("seeing")
    model = make_gguf(folder / "m.gguf", n_layers=2, n_ctx=1024)
    eyes = make_mmproj(folder / "eyes.gguf")
    variables = {
        "LLAMAPACK_LIBRARIES": os.environ["LLAMAPACK_TEST_LIBRARIES"],
        "PYTHONPATH": str(SOURCE),
    }
    arguments = ("--model", str(model), "--mmproj", str(eyes), *SHORT)
    with running(Home(folder), running_pack.free_port(), *arguments, **variables) as started:
        started.wait_for("/health", {200})
        yield started


@pytest.fixture
def page(watched: Watched, program: Running) -> Iterator[Page]:
    """Of a model that sees. A console error or CSP violation fails."""
    watched.page.goto(program.url)
    wait_until_ready(watched.page)
    expect(watched.page.get_by_role("button", name="Attach files or pictures")).to_be_enabled()
    yield watched.page
    assert watched.complaints == []


def bring(page: Page, how: str, name: str, kind: str, size: tuple[int, int] = (80, 60)) -> None:
    assert page.evaluate(BRING, [how, name, kind, *size])


def payload(name: str, data: bytes, kind: str = "image/png") -> FilePayload:
    return {"name": name, "mimeType": kind, "buffer": data}


def thumbnail(place: Locator, name: str) -> Locator:
    """Of a picture that has come and is drawn."""
    found = place.get_by_role("button", name=f"Look at {name}")
    expect(found).to_be_visible()
    expect(found.locator("img")).to_have_js_property("complete", True)
    assert found.locator("img").evaluate("one => one.naturalWidth") > 0
    assert found.locator("img").get_attribute("alt") == name
    return found


def sent(page: Page) -> list[dict[str, Any]]:
    """What the program knows of the open chat."""
    chat = page.url.rpartition("/")[2]
    base = page.url.partition("#")[0]
    messages: list[dict[str, Any]] = page.request.get(f"{base}llamapack/chats/{chat}").json()[
        "messages"
    ]
    return messages


def header_of(page: Page, file: dict[str, Any]) -> PictureHeader:
    base = page.url.partition("#")[0]
    return read_header(page.request.get(f"{base}llamapack/files/{file['id']}/picture").body())


def test_pictures_come_by_button_drop_and_paste_and_stay_with_the_chat(
    page: Page, screenshot: Callable[[Page, str], None]
) -> None:
    composer, asked = page.locator("#attached"), page.locator(".message.user")
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Attach files or pictures").click()
    chooser.value.set_files([payload(HOSTILE_NAME, png(80, 60))])
    thumbnail(composer, HOSTILE_NAME)
    bring(page, "drop", "photo.jpg", "image/jpeg", (4000, 3000))
    thumbnail(composer, "photo.jpg")
    bring(page, "paste", "image.webp", "image/webp")
    thumbnail(composer, "image.webp")
    expect(page.locator("#cost")).to_contain_text(f"About {3 * N_TOKENS['mlp']} tokens")
    screenshot(page, "pictures-attached")
    composer.get_by_role("button", name="Remove image.webp").press("Enter")
    expect(composer.locator("li")).to_have_count(2)
    expect(composer.get_by_role("button", name="Remove photo.jpg")).to_be_focused()
    ask_and_wait(page, "What are they?")
    page.reload()
    thumbnail(asked, HOSTILE_NAME)
    first, answer = sent(page)
    photo = next(one for one in first["files"] if one["name"] == "photo.jpg")
    assert header_of(page, photo) == PictureHeader("jpeg", 1024, 768)  # the context is small
    assert answer["figures"]["prompt_tokens"] > 2 * N_TOKENS["mlp"]
    ask_and_wait(page, "And now?")
    *_, last = sent(page)
    assert last["figures"]["cached_tokens"] > 2 * N_TOKENS["mlp"]
    look_closer(page, thumbnail(asked, "photo.jpg"))
    assert page.evaluate("window.ran") is None


def look_closer(page: Page, small: Locator) -> None:
    small.press("Enter")
    dialog = page.get_by_role("dialog", name="photo.jpg")
    large = dialog.get_by_role("img", name="photo.jpg")
    expect(large).to_have_js_property("naturalWidth", 1024)
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(small).to_be_focused()


def test_an_edited_question_keeps_its_picture_and_a_deleted_chat_does_not(page: Page) -> None:
    bring(page, "paste", "cat.png", "image/png")
    thumbnail(page.locator("#attached"), "cat.png")
    ask(page, "")
    wait_for_answer(page)
    page.locator(".message.user").hover()
    page.get_by_role("button", name="Edit").click()
    thumbnail(page.locator(".editor"), "cat.png")
    page.get_by_label("Your message, changed").fill("Is it a cat?")
    page.get_by_label("Your message, changed").press("Enter")
    expect(page.locator(".message.user .versions")).to_contain_text("2 / 2")
    expect(page.locator(".message.user .body")).to_have_text("Is it a cat?")
    wait_for_answer(page)
    page.get_by_role("button", name="Answer again").click()
    expect(page.locator(".message.assistant .versions")).to_contain_text("2 / 2")
    messages = sent(page)
    [picture] = {one["files"][0]["id"] for one in messages if one["role"] == "user"}
    counts = {one["figures"]["prompt_tokens"] for one in messages if one["role"] == "assistant"}
    assert min(counts) > N_TOKENS["mlp"]
    base, chat = page.url.split("#/chat/")
    assert page.request.delete(f"{base}llamapack/chats/{chat}").status == 204
    assert page.request.get(f"{base}llamapack/files/{picture}/picture").status == 404


def turned(jpeg: bytes) -> bytes:
    """As a phone that is held upright writes it: lying, with a note to turn it (EXIF)."""
    note = struct.pack("<HHIHH", 0x0112, 3, 1, 6, 0)
    exif = b"Exif\0\0II*\0" + struct.pack("<IH", 8, 1) + note + bytes(4)
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + jpeg[2:]


def test_a_photo_is_upright_and_tells_nothing_else(page: Page) -> None:
    lying = base64.b64decode(page.evaluate(JPEG, [400, 300]))
    page.locator("#attach-file").set_input_files(payload("up.jpg", turned(lying), "image/jpeg"))
    thumbnail(page.locator("#attached"), "up.jpg")
    ask_and_wait(page, "What is it?")
    [file] = sent(page)[0]["files"]
    assert header_of(page, file) == PictureHeader("jpeg", 300, 400)
    base = page.url.partition("#")[0]
    kept = page.request.get(f"{base}llamapack/files/{file['id']}/picture").body()
    assert b"Exif" not in kept


def test_what_the_browser_cannot_read_is_refused_and_a_drawing_is_text(page: Page) -> None:
    files = [
        payload("broken.png", b"\x89PNG\r\n\x1a\n" + bytes(64)),
        payload("drawing.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image/svg+xml"),
    ]
    page.locator("#attach-file").set_input_files(files)
    chips = page.locator("#attached .chip")
    expect(chips.first.locator(".chip-reason")).to_contain_text("Save it as PNG or JPEG")
    expect(page.get_by_role("button", name="Read drawing.svg")).to_be_enabled()
    expect(page.locator("#attached img")).to_have_count(0)


def two_models(page: Page, url: str) -> None:
    """As a pack tells of itself whose first model reads text alone."""
    told = page.request.get(f"{url}/llamapack/info").json()
    cards = [
        {"id": name, "name": name, "kind": "chat", "sees_images": sees, "adapters": []}
        for name, sees in (("Reader", False), ("Seer", True))
    ]
    page.route("**/llamapack/info", lambda route: route.fulfill(json=told | {"models": cards}))
    page.route("**/llamapack/settings", lambda route: route.fulfill(json={"model": None}))
    page.goto(url)
    wait_until_ready(page)


def test_of_several_models_the_chosen_one_decides(watched: Watched, program: Running) -> None:
    page = watched.page
    two_models(page, program.url)
    expect(page.get_by_role("button", name="Attach files", exact=True)).to_be_enabled()
    bring(page, "paste", "cat.png", "image/png")
    reason = page.locator("#attached .chip-reason")
    expect(reason).to_contain_text("Choose one at the top that sees pictures")
    page.get_by_role("button", name="Remove cat.png").click()
    page.get_by_label("Model that answers").select_option("Seer")
    expect(page.get_by_role("button", name="Attach files or pictures")).to_be_enabled()
    bring(page, "paste", "cat.png", "image/png")
    thumbnail(page.locator("#attached"), "cat.png")
    page.get_by_label("Model that answers").select_option("Reader")
    expect(page.locator("#cost")).to_have_text(
        "This model cannot see pictures. It will only be told their names."
    )
    assert watched.complaints == []


@pytest.fixture
def blind(tmp_path: Path) -> Iterator[Server]:
    service = Service(ABOUT, AnswerDefaults(SamplingParams()), lambda: None, "c0ffee" * 8, tmp_path)
    with serving(service, SpeakingSession(lambda _: ["Hello."]), WEB) as server:
        yield server


def test_a_model_that_reads_text_says_so_kindly(watched: Watched, blind: Server) -> None:
    page = watched.page
    page.goto(blind.url)
    expect(page.get_by_role("button", name="Attach files", exact=True)).to_be_enabled()
    bring(page, "paste", "cat.png", "image/png")
    reason = page.locator("#attached .chip-reason")
    expect(reason).to_contain_text("This model reads text only, so it cannot see pictures.")
    expect(page.locator("#file-announcer")).to_contain_text("cat.png")
    assert not [url for url in watched.requests if "/llamapack/files" in url]
    assert watched.complaints == []
    page.goto("about:blank")

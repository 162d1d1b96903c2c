"""PDFs that a browser printed, in several scripts and layouts: the words come out as they went in.
They are read as the program reads them, by a process of their own."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from llamapack_runtime.files.extract import extract

RUNTIME = Path(__file__).resolve().parents[3] / "runtime"
PROGRAM = (sys.executable, "-m", "llamapack_runtime")
ENGLISH = (
    "Photosynthesis converts light energy into chemical energy. An efficient office finds it "
    "first: the “quoted” price is €1,234.56 — for now. "
)
CHINESE = (
    "人工智能是计算机科学的一个分支、它企图了解智能的实质、并生产出一种新的智能机器。长见贝车马鱼鸟龙门页"
    "风飞食首香骨高鬼麦黄鼓鼠齿龟金木水火土日月人入八刀力十又口大女子小山川工己手文方毛气牛犬玉用田白目石"
    "示立竹米羊老而耳肉自至舟色虫行衣西角言谷走足身辛里青非面革音。"
)
JAPANESE = "吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。"
RUSSIAN = "Искусственный интеллект выполняет творческие функции человека. "
ARABIC = "الذكاء الاصطناعي هو سلوك (وخصائص) معينة تتسم بها البرامج في 2024 مع Python أيضا. "
HEBREW = "בינה מלאכותית היא ענף של מדעי המחשב (בדיקה), 45.6% ועוד. "

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _runtime_for_children(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(RUNTIME))


@pytest.fixture(scope="module")
def printed(
    browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], Path]]:
    """Prints the body of a page to a file."""
    folder = tmp_path_factory.mktemp("printed")
    page = browser.new_page()

    def print_page(body: str) -> Path:
        path = folder / f"{len(list(folder.iterdir()))}.pdf"
        page.set_content(f"<!doctype html>{body}")
        page.pdf(path=path)
        return path

    yield print_page
    page.close()


def read(path: Path) -> str:
    return extract(path, path.name, PROGRAM).text


def joined(text: str) -> str:
    """With spaces alone between words, whatever line they were in."""
    return " ".join(text.split())


@pytest.mark.parametrize(
    ("language", "text"),
    [("en", ENGLISH), ("ru", RUSSIAN), ("ar", ARABIC), ("he", HEBREW)],
)
def test_words_of_a_script_come_out_right(
    printed: Callable[[str], Path], language: str, text: str
) -> None:
    direction = "rtl" if language in ("ar", "he") else "ltr"
    path = printed(f'<html lang="{language}" dir="{direction}"><p>{text * 6}</p></html>')
    assert joined(read(path)) == joined(text * 6)


@pytest.mark.parametrize(("language", "text"), [("zh", CHINESE), ("ja", JAPANESE)])
def test_lines_without_spaces_are_joined_again(
    printed: Callable[[str], Path], language: str, text: str
) -> None:
    path = printed(f'<html lang="{language}"><p>{text * 5}</p><p>{text}</p></html>')
    assert read(path) == f"{text * 5}\n\n{text}"


def test_columns_are_read_one_after_the_other(printed: Callable[[str], Path]) -> None:
    columns = f"<div style='columns:2'><p>One {ENGLISH * 8}</p><p>Two {ENGLISH * 8}</p></div>"
    assert joined(read(printed(columns))) == joined(f"One {ENGLISH * 8} Two {ENGLISH * 8}")


def test_justified_words_are_whole(printed: Callable[[str], Path]) -> None:
    style = "width:220px;text-align:justify;hyphens:none"
    assert joined(read(printed(f"<p style='{style}'>{ENGLISH * 4}</p>"))) == joined(ENGLISH * 4)


def test_divided_words_are_joined_where_the_document_has_them_whole(
    printed: Callable[[str], Path],
) -> None:
    narrow = f"<html lang=en><p style='width:90px;hyphens:manual'>{'photo&shy;synthesis ' * 9}</p>"
    text = read(printed(f"{narrow}<p>photosynthesis</p></html>"))
    assert re.findall(r"\w+", text) == ["photosynthesis"] * 10


def test_a_table_keeps_its_rows_and_cells(printed: Callable[[str], Path]) -> None:
    rows = [("Country", "Capital", "People"), ("Japan", "Tokyo", "124,500,000")]
    cells = "".join(f"<tr><td>{'</td><td>'.join(row)}</td></tr>" for row in rows)
    table = f"<style>td{{padding:4px 30px}}</style><table>{cells}</table>"
    assert read(printed(table)) == "\n".join("\t".join(row) for row in rows)


def test_pages_are_told_apart(printed: Callable[[str], Path]) -> None:
    path = printed("<p>one</p><p style='break-before:page'>two</p>")
    extracted = extract(path, "a.pdf", PROGRAM)
    assert (extracted.pages, extracted.text) == (2, "one\ftwo")


def test_headings_and_paragraphs_are_apart(printed: Callable[[str], Path]) -> None:
    body = f"<h1>Title</h1><p>{ENGLISH * 3}</p><p>{ENGLISH}</p>"
    blocks = [joined(block) for block in read(printed(body)).split("\n\n")]
    assert blocks == ["Title", joined(ENGLISH * 3), joined(ENGLISH)]


def test_three_hundred_pages_are_read_in_time(printed: Callable[[str], Path]) -> None:
    page = "<div style='break-after:page'>" + f"<p>{ENGLISH * 4}</p>" * 6 + "</div>"
    extracted = extract(printed(page * 300), "a.pdf", PROGRAM)
    assert extracted.pages is not None
    assert extracted.pages >= 300
    assert extracted.text.count("Photosynthesis") == 300 * 6 * 4

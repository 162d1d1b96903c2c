"""Pieces of text become lines, and lines a page."""

from __future__ import annotations

from llamapack_runtime.files.pdf.lines import page_text
from llamapack_runtime.files.pdf.pieces import Run


def run(
    text: str,
    start: float,
    base: float,
    width: float | None = None,
    size: float = 10,
    angle: int = 0,
) -> Run:
    """Letters of half their size in width; a space is a quarter of it."""
    end = start + (len(text) * size / 2 if width is None else width)
    return Run(list(text), start, end, base, size, size / 4, angle)


def chinese(text: str, base: float, start: float = 50) -> Run:
    return run(text, start, base, width=10.0 * len(text))


def test_pieces_of_one_height_are_one_line() -> None:
    assert page_text([run("Ham", 0, 100), run("let", 15, 100)]) == "Hamlet"


def test_a_gap_is_a_space() -> None:
    assert page_text([run("to", 0, 100), run("be", 12.5, 100)]) == "to be"


def test_a_gap_of_a_hair_is_none() -> None:
    assert page_text([run("to", 0, 100), run("day", 10.6, 100)]) == "today"


def test_a_wide_gap_is_a_step_to_the_next_column() -> None:
    assert page_text([run("Japan", 0, 100), run("Tokyo", 80, 100)]) == "Japan\tTokyo"


def test_a_wide_gap_after_a_space_comes_from_a_stretched_line() -> None:
    assert page_text([run("to ", 0, 100), run("be", 40, 100)]) == "to be"


def test_pieces_in_another_order_are_put_in_place() -> None:
    assert page_text([run("be", 12.5, 100), run("to", 0, 100)]) == "to be"


def test_a_raised_number_stays_in_its_line() -> None:
    runs = [run("said", 0, 100), run("2", 20, 104, size=6), run("so", 26, 100)]
    assert page_text(runs) == "said2 so"


def test_what_is_drawn_twice_to_look_bold_is_read_once() -> None:
    assert page_text([run("Bold", 0, 100), run("Bold", 0.4, 100)]) == "Bold"


def test_the_same_word_twice_is_read_twice() -> None:
    assert page_text([run("had", 0, 100), run("had", 17.5, 100)]) == "had had"


def test_lines_follow_one_another_and_paragraphs_are_apart() -> None:
    runs = [run(word, 0, base) for word, base in (("a", 100), ("b", 88), ("c", 76), ("d", 50))]
    assert page_text(runs) == "a\nb\nc\n\nd"


def test_a_heading_is_apart_from_what_follows_it() -> None:
    runs = [run("Title", 0, 100, size=24), *(run("text", 0, base) for base in (70, 58, 46))]
    assert page_text(runs) == "Title\n\ntext\ntext\ntext"


def test_a_second_column_follows_the_first() -> None:
    first = [run(f"left{n}", 0, 100 - 12 * n) for n in range(3)]
    second = [run(f"right{n}", 200, 100 - 12 * n) for n in range(3)]
    assert page_text(first + second) == "left0\nleft1\nleft2\n\nright0\nright1\nright2"


def test_turned_text_is_apart_from_the_rest() -> None:
    assert page_text([run("up", 0, 100, angle=90), run("on", 0, 100)]) == "up\n\non"


def test_chinese_that_was_broken_at_the_margin_is_joined() -> None:
    long = "人工智能是计算机科学的一个分支它企图了解智能的实质并"
    runs = [chinese(long, 100), chinese(long, 88), chinese("生产出机器。", 76)]
    assert page_text(runs) == long + long + "生产出机器。"


def test_short_chinese_lines_are_kept() -> None:
    runs = [chinese("姓名、张三", 100), chinese("电话、一二三", 88)]
    assert page_text(runs) == "姓名、张三\n电话、一二三"


def test_an_indented_chinese_line_begins_a_paragraph() -> None:
    long = "人工智能是计算机科学的一个分支它企图了解智能的实质并"
    runs = [chinese(long, 100), chinese(long[:-2], 88, start=70), chinese("完。", 76)]
    assert page_text(runs) == long + "\n" + long[:-2] + "完。"


def test_a_chinese_line_that_ends_early_is_not_joined() -> None:
    long = "人工智能是计算机科学的一个分支它企图了解智能的实质并"
    runs = [chinese(long, 100), chinese(long[:22], 88), chinese(long, 76)]
    assert page_text(runs) == long + long[:22] + "\n" + long


def test_stretched_chinese_has_no_spaces() -> None:
    runs = [
        run("人", 0, 100, width=10),
        run("工", 12.5, 100, width=10),
        run("智", 24, 100, width=10),
    ]
    assert page_text(runs) == "人工智"


def test_glyphs_without_a_name_leave_no_trace() -> None:
    assert page_text([Run(["", ""], 0, 10, 100, 10, 2.5, 0), run("x", 0, 80)]) == "x"


def test_a_page_without_text_is_empty() -> None:
    assert page_text([]) == ""
    assert page_text([run("   ", 0, 100)]) == ""

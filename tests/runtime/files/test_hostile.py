"""Documents made to harm: damaged at random, endless, and bombs. Whatever they are, a reader ends
in time and in bounded memory with a text or a reason."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from llamapack_runtime.files.errors import FileProblem
from llamapack_runtime.files.extract import extract
from llamapack_runtime.files.reasons import MOST_MEMORY_BYTES, MOST_SECONDS, problem
from llamapack_runtime.hardware.child import run_child
from runtime.files.docx_bytes import docx, paragraph
from runtime.files.pdf_bytes import document, pdf, stream, words, zeros

HERE = Path(__file__).parent
RUNTIME = HERE.parents[2] / "runtime"
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="its limits are not the system's")


@pytest.fixture(autouse=True)
def _runtime_for_children(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(RUNTIME), str(HERE.parents[1])]))


@pytest.mark.parametrize(("kind", "count"), [("pdf", 250), ("docx", 120)])
def test_damaged_documents_end_as_a_text_or_a_reason(kind: str, count: int) -> None:
    lines: list[str] = []
    command = [sys.executable, str(HERE / "damage.py"), kind, "0", str(count)]
    ending = run_child(command, lines.append, lambda: 20.0)
    answers = [json.loads(line) for line in lines]
    assert (ending.cause, ending.was_stopped, len(answers)) == ("", False, count), answers[-1:]
    for answer in answers:
        if "text" not in answer:
            assert answer["reason"] in str(_REASONS[answer["reason"]]), answer
    assert sum("text" in answer for answer in answers) > count / 20, "some damage does no harm"
    assert sum("reason" in answer for answer in answers) > count / 20, "and some does"
    assert answers[-1]["most_kib"] < 200_000


# Reading a reason that has no sentence of its own would give the one for damage.
_REASONS = {
    reason: reason
    for reason in ("binary", "damaged", "empty", "locked", "memory", "nameless", "scan", "swollen")
    if reason == "damaged" or str(problem(reason, "a")) != str(problem("damaged", "a"))
}


def _many_bombs() -> bytes:
    """Each page is too much alone; all of them together must not take their time each."""
    bomb = stream(zeros(1_000), b"/Filter /FlateDecode")
    return document([bomb] * 4)


def _bomb_for_a_table() -> bytes:
    """The list of objects itself is packed, and is read before anything else."""
    table = stream(
        zeros(1_000),
        b"/Type /XRef /Filter /FlateDecode /Size 9 /W [1 2 1] /Root 1 0 R /Index [0 9]",
    )
    data = b"%PDF-1.7\n"
    return data + b"1 0 obj\n" + table + b"\nendobj\nstartxref\n9\n%%EOF\n"


def _endless_kids() -> bytes:
    """A page tree in which each level names the next one twice."""
    objects = {1: b"<< /Type /Catalog /Pages 2 0 R >>"}
    for number in range(2, 60):
        kid = b"%d 0 R" % (number + 1)
        objects[number] = b"<< /Type /Pages /Count 2 /Kids [%s %s] >>" % (kid, kid)
    objects[60] = b"<< /Type /Page /MediaBox [0 0 9 9] >>"
    return pdf(objects)


def _same_page() -> bytes:
    """One page thousands of times."""
    kids = b"3 0 R " * 3_000
    return pdf(
        {
            1: b"<< /Type /Catalog /Pages 2 0 R >>",
            2: b"<< /Type /Pages /Count 3000 /Kids [%s] >>" % kids,
            3: b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] /Contents 4 0 R >>",
            4: stream(words(b"again")),
        }
    )


def _nested_arrays() -> bytes:
    return document([b"[" * 300_000 + b"]" * 300_000 + b" TJ"], more={5: b"[" * 100_000})


def _long_numbers() -> bytes:
    return document([b"9" * 3_000_000 + b" 0 Td", words(b"9" * 100_000)])


def _wide_map() -> bytes:
    """A font that names a range of four thousand million characters."""
    names = stream(b"1 beginbfrange\n<00000000> <ffffffff> <0000>\nendbfrange")
    font = b"<< /Type /Font /Subtype /Type0 /Encoding /Identity-H /ToUnicode 5 0 R >>"
    return document([words(b"ab")], {"F1": font}, {5: names})


def _same_words() -> bytes:
    return document([b"BT /F1 9 Tf " + b"(word) Tj 1 0 Td " * 40_000 + b"ET"])


def _zip_bomb() -> bytes:
    return docx(paragraph("x"), {f"word/bomb{n}.xml": bytes(4_000_000) for n in range(20)})


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (_many_bombs, "a.pdf"),
        (_bomb_for_a_table, "a.pdf"),
        (_endless_kids, "a.pdf"),
        (_same_page, "a.pdf"),
        (_nested_arrays, "a.pdf"),
        (_long_numbers, "a.pdf"),
        (_wide_map, "a.pdf"),
        (_same_words, "a.pdf"),
        (_zip_bomb, "a.docx"),
    ],
)
def test_a_bomb_ends_in_time_and_in_bounded_memory(
    make: Callable[[], bytes], name: str, tmp_path: Path
) -> None:
    path = tmp_path / "stored"
    path.write_bytes(make())
    told = tmp_path / "told"
    program = (sys.executable, str(HERE / "measured.py"), str(told))
    started = time.monotonic()
    with suppress(FileProblem):
        assert extract(path, name, program).text
    assert time.monotonic() - started < MOST_SECONDS + 5
    assert int(told.read_text()) * 1024 < MOST_MEMORY_BYTES


@pytest.mark.skipif(sys.platform != "linux", reason="the system has no such limit")
def test_a_document_that_needs_more_memory_than_there_is_says_so(tmp_path: Path) -> None:
    """Each page is within all bounds, and pypdf keeps every one."""
    page = stream(zeros(45), b"/Filter /FlateDecode")
    path = tmp_path / "stored"
    path.write_bytes(document([page] * 14))
    with pytest.raises(FileProblem, match="512 MB of memory"):
        extract(path, "a.pdf", (sys.executable, "-m", "llamapack_runtime"))

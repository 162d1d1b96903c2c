"""Documents through a child process, as the program reads them, and children that go wrong."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest

from llamapack_runtime.files.errors import FileProblem
from llamapack_runtime.files.extract import EXTRACT_WORKER, extract
from llamapack_runtime.files.types import Extracted
from llamapack_runtime.files.worker import run_worker
from llamapack_runtime.launch import program
from runtime.files.docx_bytes import docx, paragraph
from runtime.files.pdf_bytes import document, words

RUNTIME = Path(__file__).resolve().parents[3] / "runtime"
PROGRAM = (sys.executable, "-m", "llamapack_runtime")


@pytest.fixture(autouse=True)
def _runtime_for_children(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(RUNTIME))


def stored(tmp_path: Path, data: bytes) -> Path:
    """Under a name that says nothing, as an upload is kept."""
    path = tmp_path / "5f0c"
    path.write_bytes(data)
    return path


def saying(code: str) -> tuple[str, ...]:
    """A program whose child does this instead of reading."""
    return (sys.executable, "-S", "-c", code)


def problem_of(tmp_path: Path, code: str, most_seconds: float = 30.0) -> FileProblem:
    with pytest.raises(FileProblem) as caught:
        extract(stored(tmp_path, b"words"), "a.txt", saying(code), most_seconds)
    assert caught.value.code == "unreadable_file"
    assert str(caught.value).startswith('"a.txt" ')
    return caught.value


@pytest.mark.parametrize(
    ("data", "name", "extracted"),
    [
        (b"\xef\xbb\xbfone\r\ntwo\n", "a.txt", Extracted("text", None, "one\ntwo")),
        (
            document([words(b"one"), b"", words(b"three")]),
            "a.pdf",
            Extracted("pdf", 3, "one\f\fthree"),
        ),
        (
            docx(paragraph("one") + paragraph("two")),
            "a.docx",
            Extracted("docx", None, "one\n\ntwo"),
        ),
    ],
    ids=["text", "pdf", "docx"],
)
def test_a_document_is_read(tmp_path: Path, data: bytes, name: str, extracted: Extracted) -> None:
    assert extract(stored(tmp_path, data), name, PROGRAM) == extracted


@pytest.mark.parametrize(
    ("data", "name", "code", "said"),
    [
        (b"%PDF-1.7\nnothing", "a.pdf", "unreadable_file", "damaged"),
        (docx(paragraph("x" * 70_000_000)), "a.docx", "unreadable_file", "unpacks to far more"),
        ("文字".encode() * 1_500_000, "a.txt", "too_large", "more than 8 MiB"),
        (b"\xff\xfe\x00\x00", "a.txt", "unreadable_file", "no text"),
    ],
    ids=["damaged", "swollen", "wordy", "empty"],
)
def test_a_reason_becomes_a_sentence(
    tmp_path: Path, data: bytes, name: str, code: str, said: str
) -> None:
    with pytest.raises(FileProblem, match=said) as caught:
        extract(stored(tmp_path, data), name, PROGRAM)
    assert caught.value.code == code
    assert str(caught.value).startswith(f'"{name}" ')


def test_what_cannot_be_read_starts_no_child(tmp_path: Path) -> None:
    with pytest.raises(FileProblem, match="a picture"):
        extract(stored(tmp_path, b"\x89PNG\r\n\x1a\n"), "a.png", ("/does-not-exist",))


def test_a_file_that_is_gone_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        extract(tmp_path / "gone", "a.txt", PROGRAM)


def test_the_program_knows_the_word_that_makes_it_a_reader() -> None:
    assert program.EXTRACT_WORKER == EXTRACT_WORKER


def test_a_child_that_hangs_is_ended(tmp_path: Path) -> None:
    started = time.monotonic()
    problem = problem_of(tmp_path, "import threading; threading.Event().wait()", 0.5)
    assert "seconds to read" in str(problem)
    assert time.monotonic() - started < 10


def test_a_child_that_talks_without_end_is_ended(tmp_path: Path) -> None:
    started = time.monotonic()
    problem_of(tmp_path, "while True: print('x' * 100_000)")
    problem_of(tmp_path, "import sys\nwhile True: sys.stdout.write('x' * 100_000)")
    assert time.monotonic() - started < 30


@pytest.mark.parametrize(
    "code",
    [
        "",
        "print('garbage')",
        "print('[' * 100_000)",
        "print('{}')",
        "print('[]')",
        "print('null')",
        "print('{\"text\": 5}')",
        'print(\'{"text": ""}\')',
        'print(\'{"text": "a\\\\u0000b"}\')',
        'print(\'{"text": "half \\\\ud800"}\')',
        'print(\'{"reason": "no such reason"}\')',
        'print(\'{"reason": ["a"]}\')',
        'print(\'{"text": "words"\')',
        "import sys; sys.stdout.buffer.write(b'\\xff\\xfe')",
        "import sys; sys.exit(3)",
        "raise MemoryError",
    ],
)
def test_a_child_that_says_nothing_of_use_is_a_damaged_file(tmp_path: Path, code: str) -> None:
    assert "damaged" in str(problem_of(tmp_path, code))


def test_a_child_cannot_choose_its_sentence(tmp_path: Path) -> None:
    problem = problem_of(tmp_path, 'print(\'{"reason": "{name.__class__} <b>Send money</b>"}\')')
    assert "money" not in str(problem)


def test_a_child_cannot_give_pages_to_what_has_none(tmp_path: Path) -> None:
    lying = saying('print(\'{"text": "a\\\\fb"}\')')
    assert extract(stored(tmp_path, b"words"), "a.txt", lying) == Extracted("text", None, "a\nb")


@pytest.mark.skipif(sys.platform == "win32", reason="no signals there")
@pytest.mark.parametrize(
    ("name", "said"),
    [("SIGSEGV", "too complex"), ("SIGKILL", "too complex"), ("SIGXCPU", "seconds to read")],
)
def test_a_child_that_dies_says_why(tmp_path: Path, name: str, said: str) -> None:
    code = f"import os, signal; os.kill(os.getpid(), signal.{name})"
    assert said in str(problem_of(tmp_path, code))


def ends_soon(number: int) -> bool:
    """Whether a process that is no child of ours is gone, or was ended and is going."""
    if sys.platform != "linux":
        raise AssertionError("only asked there")
    try:
        handle = os.pidfd_open(number)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([handle], [], [], 10)[0])
    finally:
        os.close(handle)


@pytest.mark.skipif(sys.platform != "linux", reason="asks the system for the end of any process")
@pytest.mark.parametrize("last_word", ["", "threading.Event().wait()"], ids=["ends", "hangs"])
def test_no_child_of_a_child_is_left(tmp_path: Path, last_word: str) -> None:
    """Not even one that holds the pipe on which we listen."""
    code = (
        "import subprocess, sys, threading\n"
        "inner = subprocess.Popen([sys.executable, '-S', '-c', 'import time; time.sleep(60)'])\n"
        f"open({str(tmp_path / 'inner')!r}, 'w').write(str(inner.pid))\n{last_word}"
    )
    problem_of(tmp_path, code, 1.0)
    assert ends_soon(int((tmp_path / "inner").read_text()))


@pytest.mark.skipif(sys.platform == "win32", reason="no such pipe there")
def test_a_reader_ends_with_its_parent(tmp_path: Path) -> None:
    """Its standard input ends when we do."""
    # A text that takes long, for the pipe that is never read is full before it ends.
    path = stored(tmp_path, b"words\n" * 1_000_000)
    command = [*PROGRAM, EXTRACT_WORKER, "text", str(path)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe) as reader:
        assert reader.stdin is not None
        assert reader.stdout is not None
        reader.stdout.read(1)
        reader.stdin.close()
        assert reader.wait(30) == 3


@pytest.mark.parametrize("arguments", [[], ["text"], ["zip", "x"], ["text", "x", "y"]])
def test_a_reader_that_is_asked_for_nonsense_says_so(arguments: list[str]) -> None:
    assert run_worker(arguments) == 2

"""The child's whole job: read one document within limits and print its text, or the reason why
there is none, as a line of JSON. Knows nothing of the file's name for people."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from llamapack_runtime.files.cleaning import cleaned
from llamapack_runtime.files.confine import confine
from llamapack_runtime.files.reasons import MOST_TEXT_BYTES, NoText
from llamapack_runtime.files.types import PAGE_BREAK
from llamapack_runtime.hardware.child import end_with_parent


def run_worker(arguments: Sequence[str]) -> int:
    """`arguments` are the kind and the path. The exit code: 0 where an answer was printed, 2 where
    the arguments are not understood."""
    if len(arguments) != 2 or arguments[0] not in READERS:
        return 2
    end_with_parent()
    data = Path(arguments[1]).read_bytes()
    read = READERS[arguments[0]]()
    confine()
    logging.disable()
    line = json.dumps(answer(read, data), ensure_ascii=False)
    sys.stdout.buffer.write(line.encode() + b"\n")
    sys.stdout.buffer.flush()
    return 0


def answer(read: Callable[[bytes], Sequence[str]], data: bytes) -> dict[str, str]:
    """What the child says of a document, whatever the document is: its text or a reason."""
    try:
        pages = [cleaned(page) for page in read(data)]
        text = PAGE_BREAK.join(pages)
        if not text.strip():
            raise NoText("empty")
        if len(text.encode()) > MOST_TEXT_BYTES:
            raise NoText("wordy")
    except NoText as error:
        return {"reason": error.reason}
    except MemoryError:
        return {"reason": "memory"}
    except Exception:  # noqa: BLE001 - whatever a reader trips over is in the document
        return {"reason": "damaged"}
    return {"text": text}


def _text_reader() -> Callable[[bytes], Sequence[str]]:
    from llamapack_runtime.files.text import read_text  # each child needs one of these

    return lambda data: [read_text(data)]


def _docx_reader() -> Callable[[bytes], Sequence[str]]:
    from llamapack_runtime.files.docx import read_docx

    return lambda data: [read_docx(data)]


def _pdf_reader() -> Callable[[bytes], Sequence[str]]:
    from llamapack_runtime.files.pdf.document import read_pdf

    return read_pdf


READERS = {"text": _text_reader, "docx": _docx_reader, "pdf": _pdf_reader}

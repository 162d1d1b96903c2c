"""Takes the text out of a PDF, page by page. The file's structure, its filters and its encryption
are pypdf's; what a page shows is read here, in a sixth of the time that pypdf's own extraction
takes, and with fields that were filled in and lines that run from right to left."""

from __future__ import annotations

import io
from typing import Any

from pypdf import Configuration, PdfReader, overwrite_configuration
from pypdf.errors import FileNotDecryptedError, PyPdfError

from llamapack_runtime.files.pdf.aes import teach_pypdf
from llamapack_runtime.files.pdf.lines import page_text
from llamapack_runtime.files.pdf.page import Fonts, page_runs
from llamapack_runtime.files.pdf.pieces import Run
from llamapack_runtime.files.pdf.prose import mended
from llamapack_runtime.files.reasons import MOST_TEXT_BYTES, NoText

# Bytes that one stream of a file may unpack to: the content of the densest page has 10 MB.
_MOST_STREAM_BYTES = 48 << 20
# What stands for a page that is damaged while others are not.
_LOST_PAGE = "[This page could not be read.]"
# From this share of nameless glyphs on, what is left is no text.
_NAMELESS = 0.7


def read_pdf(data: bytes) -> list[str]:
    """The text of each page. NoText where there is none."""
    teach_pypdf()
    overwrite_configuration(_limits())
    try:
        # Which tries the empty password.
        pages = list(PdfReader(io.BytesIO(data)).pages)
    except FileNotDecryptedError:
        raise NoText("locked") from None
    except (PyPdfError, RecursionError):
        raise NoText("damaged") from None
    if not pages:
        raise NoText("damaged")
    return mended(_Reading().read(pages))


def _limits() -> Configuration:
    return Configuration(
        maximum_declared_stream_length=64 << 20,
        array_based_stream_maximum_output_length=_MOST_STREAM_BYTES,
        lzw_maximum_output_length=_MOST_STREAM_BYTES,
        run_length_maximum_output_length=_MOST_STREAM_BYTES,
        zlib_maximum_output_length=_MOST_STREAM_BYTES,
        stream_decoding_work_maximum_length=2 * _MOST_STREAM_BYTES,
        jbig2dec_binary=None,
        disable_legacy_handling=True,
    )


class _Reading:
    """Counts what is found, to tell why there is nothing."""

    def __init__(self) -> None:
        self._fonts = Fonts()
        self._length = self._glyphs = self._nameless = self._lost = 0

    def read(self, pages: list[Any]) -> list[str]:
        texts = [self._page(page) for page in pages]
        if self._lost == len(pages):
            raise NoText("damaged")
        if self._nameless > _NAMELESS * self._glyphs:
            raise NoText("nameless")
        if not any(text.strip() and text != _LOST_PAGE for text in texts):
            raise NoText("scan")
        return texts

    def _page(self, page: Any) -> str:
        try:
            runs = page_runs(page, self._fonts)
        except MemoryError:
            raise
        except Exception:  # noqa: BLE001 - what pypdf trips over in a damaged page is any class
            self._lost += 1
            return _LOST_PAGE
        self._count(runs)
        text = page_text(runs)
        self._length += len(text)
        if self._length > MOST_TEXT_BYTES:
            raise NoText("wordy")
        return text

    def _count(self, runs: list[Run]) -> None:
        self._glyphs += sum(len(run.units) for run in runs)
        self._nameless += sum(run.units.count("") for run in runs)

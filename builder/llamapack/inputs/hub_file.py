"""One file of a repository on Hugging Face as a blob of the cache: a download that was cut off, in
this run or an earlier one, goes on where it stopped, which the library's own no longer does."""

from __future__ import annotations

import contextlib
import hashlib
import re
from importlib import import_module
from io import BufferedRandom
from pathlib import Path
from typing import Any, BinaryIO, cast
from urllib.parse import urlsplit

from llamapack.errors import ModelError
from llamapack.reporter import Reporter
from llamapack.writing.copying import Advance

_ETAG = re.compile(r"[0-9A-Za-z_-]{8,128}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_BLOCK_BYTES = 1 << 20


def fetch(url: str, blobs: Path, label: str, reporter: Reporter) -> None:
    """Leave the whole file in `blobs`, under the name that the library looks for. Raises what the
    library raises, and ModelError for a file that did not arrive as it is."""
    from huggingface_hub import get_hf_file_metadata  # optional, and slow to import

    metadata = get_hf_file_metadata(url)
    etag, size = metadata.etag, metadata.size
    if etag is None or size is None or not _ETAG.fullmatch(etag):
        return  # then it is the library's to download
    if (blobs / etag).exists():
        return
    blobs.mkdir(parents=True, exist_ok=True)
    with _locked(blobs.parent, etag):
        part = blobs / f"{etag}.llamapack.incomplete"
        part.touch()
        with part.open("r+b") as file:
            begun = _go_on(file, url, metadata.location, size, label, reporter)
            if begun and _SHA256.fullmatch(etag) and not _is_sound(file, etag, size, reporter):
                file.truncate(0)
                raise ModelError(
                    f"{label} did not arrive as it is on Hugging Face, and was thrown away. "
                    "Run the same command again."
                )
        part.replace(blobs / etag)


def library_utilities() -> Any:
    """What the library offers beside its top; it does not declare these for type checkers."""
    return import_module("huggingface_hub.utils")


def _locked(repository: Path, etag: str) -> contextlib.AbstractContextManager[object]:
    """Against a second download of the same, the library's own too."""
    from filelock import FileLock  # comes with huggingface_hub

    folder = repository.parent / ".locks" / repository.name
    folder.mkdir(parents=True, exist_ok=True)
    return FileLock(folder / f"{etag}.lock")


def _go_on(
    file: BufferedRandom, url: str, location: str, size: int, label: str, reporter: Reporter
) -> int:
    """Download what is missing. Returns how many bytes were there already."""
    from huggingface_hub.file_download import http_get  # optional, and slow to import

    begun = file.seek(0, 2)
    if begun > size:
        begun = file.truncate(0)
        file.seek(0)
    # A token is for Hugging Face alone; elsewhere, the address is all that is needed.
    is_own = urlsplit(location).netloc == urlsplit(url).netloc
    advance = reporter.start(f"Downloading {label}", size)
    advance(begun)
    http_get(
        location,
        cast(BinaryIO, _Counted(file, advance)),
        resume_size=begun,
        headers=library_utilities().build_hf_headers(token=None if is_own else False),
        expected_size=size,
    )
    return begun


def _is_sound(file: BufferedRandom, sha256: str, size: int, reporter: Reporter) -> bool:
    """Of one that was put together, which may be of two versions."""
    advance = reporter.start("Checking the download", size)
    digest = hashlib.sha256()
    file.seek(0)
    while block := file.read(_BLOCK_BYTES):
        digest.update(block)
        advance(len(block))
    return digest.hexdigest() == sha256


class _Counted:
    """A file as the library writes to it, that tells what arrives."""

    def __init__(self, file: BufferedRandom, advance: Advance) -> None:
        self._file = file
        self._advance = advance

    def write(self, data: bytes) -> int:
        self._advance(len(data))
        return self._file.write(data)

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def truncate(self, size: int | None = None) -> int:
        return self._file.truncate(size)

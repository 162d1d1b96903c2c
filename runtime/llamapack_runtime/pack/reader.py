"""Opens a pack for reading and checks its structure before anything in it is trusted."""

from __future__ import annotations

import hashlib
import os
import zlib
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from llamapack_runtime.pack.directory import altered, earlier_end, read_directory
from llamapack_runtime.pack.errors import BrandError, PackError
from llamapack_runtime.pack.format import MANIFEST_NAME, MAX_MANIFEST_BYTES, SIGNATURE_NAME, Entry
from llamapack_runtime.pack.logo import LOGO_KINDS, MAX_LOGO_BYTES, Logo, image_type
from llamapack_runtime.pack.manifest import Manifest


class Pack:
    """A pack opened for reading. A context manager; it keeps one file handle."""

    def __init__(self, path: Path, file: BinaryIO, end: int) -> None:
        self.path = path
        self.end = end  # of the archive: what an interrupted edit left behind it does not count
        self.entries = entries = read_directory(file, end, path)
        self._file = file
        self._by_name = {entry.name: entry for entry in entries}
        self.manifest = Manifest.from_json(self.read(MANIFEST_NAME, MAX_MANIFEST_BYTES))
        self._check_manifest()

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> Self:
        """Check the structure and the manifest; entry data is not read.

        Raises PackError for a file that is not a pack, OSError when it cannot be read.
        """
        place = Path(path)
        file = place.open("rb")
        try:
            return cls._open(place, file)
        except BaseException:
            file.close()
            raise

    @classmethod
    def _open(cls, path: Path, file: BinaryIO) -> Self:
        try:
            return cls(path, file, file.seek(0, os.SEEK_END))
        except PackError:
            end = earlier_end(file)
            if end is None:
                raise
            return cls(path, file, end)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        self._file.close()

    def entry(self, name: str) -> Entry:
        try:
            return self._by_name[name]
        except KeyError:
            raise PackError(f"The pack {self.path.name} has no entry '{name}'.") from None

    def read(self, name: str, limit_bytes: int) -> bytes:
        """The whole of a small entry, checked against its sums."""
        entry = self.entry(name)
        if entry.size > limit_bytes:
            raise PackError(f"The entry '{name}' of {self.path.name} is too large to be genuine.")
        self._file.seek(entry.data_offset)
        data = self._file.read(entry.size)
        if zlib.crc32(data) != entry.crc32 or hashlib.sha256(data).hexdigest() != entry.sha256:
            raise PackError(altered(self.path, f"its entry '{name}'"))
        return data

    def logo(self) -> Logo | None:
        """The packer's own, whole. BrandError when it is no image that browsers show."""
        name = self.manifest.brand.logo
        if name is None:
            return None
        data = self.read(name, MAX_LOGO_BYTES)
        media_type = image_type(data)
        if media_type is None:
            raise BrandError("logo", f"names {name!r:.200}, which is no {LOGO_KINDS} image")
        return Logo(media_type, data)

    def _check_manifest(self) -> None:
        """The manifest lists what the directory holds, and names entries that are there."""
        listed = {(entry.name, entry.size, entry.sha256) for entry in self.manifest.entries}
        held = {(entry.name, entry.size, entry.sha256) for entry in self.entries}
        named = {name for model in self.manifest.models for name in model.entry_names}
        named |= {runtime.entry for runtime in self.manifest.all_runtimes}
        optional = (self.manifest.state, self.manifest.brand.logo)
        named |= {name for name in optional if name is not None}
        rest = {item for item in held if item[0] not in (MANIFEST_NAME, SIGNATURE_NAME)}
        if listed != rest or not named <= {item[0] for item in rest}:
            raise PackError(altered(self.path, "its manifest"))

    def seek(self, name: str) -> tuple[BinaryIO, Entry]:
        """The pack's own handle, placed at the first byte of an entry. Do not close it."""
        entry = self.entry(name)
        self._file.seek(entry.data_offset)
        return self._file, entry

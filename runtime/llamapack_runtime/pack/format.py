"""The pack format, declared once: a launcher followed by a ZIP64 archive of stored entries.

Fields are listed beside each `struct`; reader and writer use these and nothing else. This file
opens nothing: it turns entries into records.

    [launcher]                       any length
    [gap of zero bytes]              so that entry data starts on its alignment
    [local header][entry data] ...   in the order of the central directory
    [manifest.json]                  the last entry, but for a signature
    [central directory]              each record carries a SHA-256 of its entry's data
    [ZIP64 end record][ZIP64 locator][end record + 79-byte comment]

All offsets count from the first byte of the file, launcher included, as ZIP tools expect. Every
local and central record uses the ZIP64 extra field, whatever its size. The archive comment is
`llamapack1:` + 64 hex digits of SHA-256(central directory) + `:` + 3 ASCII digits of a format
revision, so the tail of a pack has a fixed length and the directory is verified before it is
trusted. Format source: APPNOTE.TXT 6.3.10 (PKWARE), sections 4.3 to 4.5.

A pack that is edited in place grows by EDIT_MARK and another manifest, directory and end before it
shrinks to its new length. If that is interrupted, the file ends with an unfinished piece, and what
counts is the end that EDIT_MARK follows:

    [old manifest][old directory][old end][EDIT_MARK][a part of the new ones]
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass

MANIFEST_NAME = "manifest.json"
MODEL_FOLDER = "model/"
LORA_FOLDER = "lora/"
PROJECTOR_FOLDER = "mmproj/"
DRAFT_FOLDER = "draft/"
RUNTIME_FOLDER = "runtime/"
LICENSE_FOLDER = "licenses/"
MODEL_LICENSE_FOLDER = "licenses/model/"  # what came with the models, not with the runtime
STATE_NAME = "state/system.state"
LOGO_STEM = "brand/logo"  # with the ending of its kind: brand/logo.png
SIGNATURE_NAME = "signature.json"  # behind the manifest, which does not list it
SIDECAR_SUFFIX = ".llamapack"
SIDECAR_MARK = b"llamapack-beside"  # ends a launcher whose archive lies beside it

MODEL_ALIGNMENT = 64 * 1024
ENTRY_ALIGNMENT = 64
MAX_DIRECTORY_BYTES = 16 * 1024 * 1024
MAX_NAME_BYTES = 1024
MAX_MANIFEST_BYTES = 4 * 1024 * 1024

EDIT_MARK = b"llamapack-edit1\n"
MAX_EDIT_BYTES = 8 * 1024 * 1024  # what an edit may add behind the old end, its mark included

COMMENT_PREFIX = b"llamapack1:"
FORMAT_REVISION = b"001"
COMMENT_BYTES = len(COMMENT_PREFIX) + 64 + 1 + len(FORMAT_REVISION)

DOS_TIME = 0  # 00:00:00
DOS_DATE = (1 << 5) | 1  # 1980-01-01: the same inputs give the same bytes
VERSION_NEEDED = 45  # ZIP64
VERSION_MADE_BY = (3 << 8) | VERSION_NEEDED  # 3: Unix, so the mode below is read
FLAG_UTF8 = 1 << 11
METHOD_STORED = 0
EXTERNAL_ATTRIBUTES = 0o100644 << 16
IN_ZIP64 = 0xFFFFFFFF
IN_ZIP64_16 = 0xFFFF

EXTRA_ZIP64 = 0x0001
EXTRA_SHA256 = 0x504C  # bytes "LP": 32 bytes, SHA-256 of the entry's data; central records only

# signature, version needed, flags, method, time, date, crc32, compressed size, size,
# name length, extra length
LOCAL_HEADER = struct.Struct("<4s5H3I2H")
LOCAL_SIGNATURE = b"PK\x03\x04"
# id, length, size, compressed size
LOCAL_ZIP64_EXTRA = struct.Struct("<2H2Q")

# signature, version made by, version needed, flags, method, time, date, crc32, compressed size,
# size, name length, extra length, comment length, disk, internal attributes, external
# attributes, offset of the local header
CENTRAL_HEADER = struct.Struct("<4s6H3I5H2I")
CENTRAL_SIGNATURE = b"PK\x01\x02"
# id, length, size, compressed size, offset of the local header
CENTRAL_ZIP64_EXTRA = struct.Struct("<2H3Q")
# id, length, digest
SHA256_EXTRA = struct.Struct("<2H32s")

# signature, size of the rest of this record, version made by, version needed, disk, disk of the
# directory, entries on this disk, entries, directory size, directory offset
END64 = struct.Struct("<4sQ2H2I4Q")
END64_SIGNATURE = b"PK\x06\x06"
# signature, disk of the end record, offset of the end record, number of disks
LOCATOR64 = struct.Struct("<4sIQI")
LOCATOR64_SIGNATURE = b"PK\x06\x07"
# signature, disk, disk of the directory, entries on this disk, entries, directory size,
# directory offset, comment length
END = struct.Struct("<4s4H2IH")
END_SIGNATURE = b"PK\x05\x06"
TAIL_BYTES = END64.size + LOCATOR64.size + END.size + COMMENT_BYTES


@dataclass(frozen=True, slots=True)
class Entry:
    """One stored entry: `size` bytes at `data_offset` from the start of the file."""

    name: str
    size: int
    crc32: int
    sha256: str
    header_offset: int

    @property
    def data_offset(self) -> int:
        return self.header_offset + local_header_bytes(self.name)


def is_safe_name(name: str) -> bool:
    """Whether an entry's name is a plain relative path that stays inside any folder it is put in,
    on every system."""
    parts = name.split("/")
    return (
        0 < len(name.encode(errors="replace")) <= MAX_NAME_BYTES
        and name.isprintable()
        and not any(char in name for char in '\\:*?"<>|')
        and all(part.strip(" .") for part in parts)
    )


def alignment_of(name: str) -> int:
    """Of an entry's data: GGUFs are read where they lie."""
    is_gguf = name.startswith((MODEL_FOLDER, LORA_FOLDER, PROJECTOR_FOLDER, DRAFT_FOLDER))
    return MODEL_ALIGNMENT if is_gguf else ENTRY_ALIGNMENT


def local_header_bytes(name: str) -> int:
    """Length of the local header, name and extra field included."""
    return LOCAL_HEADER.size + len(name.encode()) + LOCAL_ZIP64_EXTRA.size


def comment(directory: bytes) -> bytes:
    """The archive comment that seals `directory`, the bytes of the central directory."""
    digest = hashlib.sha256(directory).hexdigest().encode()
    return COMMENT_PREFIX + digest + b":" + FORMAT_REVISION


def local_header(entry: Entry) -> bytes:
    """The local record of an entry, up to its first data byte."""
    name = entry.name.encode()
    fixed = LOCAL_HEADER.pack(
        LOCAL_SIGNATURE,
        VERSION_NEEDED,
        FLAG_UTF8,
        METHOD_STORED,
        DOS_TIME,
        DOS_DATE,
        entry.crc32,
        IN_ZIP64,
        IN_ZIP64,
        len(name),
        LOCAL_ZIP64_EXTRA.size,
    )
    return fixed + name + LOCAL_ZIP64_EXTRA.pack(EXTRA_ZIP64, 16, entry.size, entry.size)


def central_header(entry: Entry) -> bytes:
    """The central record of an entry."""
    name = entry.name.encode()
    fixed = CENTRAL_HEADER.pack(
        CENTRAL_SIGNATURE,
        VERSION_MADE_BY,
        VERSION_NEEDED,
        FLAG_UTF8,
        METHOD_STORED,
        DOS_TIME,
        DOS_DATE,
        entry.crc32,
        IN_ZIP64,
        IN_ZIP64,
        len(name),
        CENTRAL_ZIP64_EXTRA.size + SHA256_EXTRA.size,
        0,
        0,
        0,
        EXTERNAL_ATTRIBUTES,
        IN_ZIP64,
    )
    zip64 = CENTRAL_ZIP64_EXTRA.pack(EXTRA_ZIP64, 24, entry.size, entry.size, entry.header_offset)
    return fixed + name + zip64 + SHA256_EXTRA.pack(EXTRA_SHA256, 32, bytes.fromhex(entry.sha256))


def tail(directory: bytes, directory_offset: int, count: int) -> bytes:
    """The end records behind the central directory: TAIL_BYTES bytes, the seal included."""
    end64_offset = directory_offset + len(directory)
    end64 = END64.pack(
        END64_SIGNATURE,
        END64.size - 12,
        VERSION_MADE_BY,
        VERSION_NEEDED,
        0,
        0,
        count,
        count,
        len(directory),
        directory_offset,
    )
    locator = LOCATOR64.pack(LOCATOR64_SIGNATURE, 0, end64_offset, 1)
    end = END.pack(
        END_SIGNATURE,
        0,
        0,
        IN_ZIP64_16,
        IN_ZIP64_16,
        IN_ZIP64,
        IN_ZIP64,
        COMMENT_BYTES,
    )
    return end64 + locator + end + comment(directory)

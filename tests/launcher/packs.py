"""Small packs, made with the format's own declaration, whose runtime is a shell script.

Only what the launcher looks at is in them; the model entry holds a few bytes that are no model.
"""

from __future__ import annotations

import hashlib
import io
import tarfile
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import zstandard

from llamapack_runtime.pack import format as layout
from llamapack_runtime.pack.manifest import EntrySum, Manifest, ModelInfo, RuntimeInfo

PROGRAM = "llamapack-runtime"
RUNTIME = "runtime/linux-x86_64.tar.zst"
MODEL = "model/tiny.gguf"

# Prints its own place, its arguments and its environment, each ended by a zero byte.
SHOW = b"""#!/bin/sh
printf '%s\\0' "$0"
printf '%s\\0' "$#" "$@"
env -0
"""


@dataclass(frozen=True, slots=True)
class Member:
    """One entry of a tar archive; `link` makes it a link of the kind `type`."""

    name: str
    data: bytes = b""
    mode: int = 0o644
    type: bytes = tarfile.REGTYPE
    link: str = ""


def program(script: bytes = SHOW) -> Member:
    return Member(PROGRAM, script, 0o755)


def tar(members: Iterable[Member], kind: int = tarfile.USTAR_FORMAT) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=kind) as archive:
        for member in members:
            info = tarfile.TarInfo(member.name)
            info.size = len(member.data)
            info.mode, info.type, info.linkname = member.mode, member.type, member.link
            archive.addfile(info, io.BytesIO(member.data))
    return out.getvalue()


def compress(plain: bytes) -> bytes:
    return zstandard.ZstdCompressor(level=3, write_checksum=True).compress(plain)


def image(*members: Member) -> bytes:
    """A runtime image with the script that shows what it was given, and `members`."""
    return compress(tar([program(), *members]))


def manifest(
    *, floor: str | None = None, runtime: str = RUNTIME, further: Iterable[RuntimeInfo] = ()
) -> bytes:
    return Manifest(
        pack_id="0" * 32,
        name='Tiny "quoted"\n  "runtime": {',
        target="linux-x86_64",
        llamapack_version="0",
        model=ModelInfo(MODEL, "tiny", "llama", "F16", 1, 1, False, None),
        runtime=RuntimeInfo(runtime, "key", floor, {"entry": "1", "glibc_floor": "2.99"}),
        settings={"entry": "other", "glibc_floor": "9.9"},
        entries=(EntrySum(MODEL, 1, "0" * 64),),
        runtimes=tuple(further),
    ).to_json()


@dataclass(slots=True)
class Packed:
    """The bytes of an archive behind `launcher`, and where its parts lie."""

    data: bytearray
    entries: dict[str, layout.Entry] = field(default_factory=dict)
    directory_offset: int = 0

    def save(self, path: Path) -> Path:
        path.write_bytes(self.data)
        path.chmod(0o755)
        return path


def pack(
    launcher: bytes,
    runtime: bytes | None = None,
    extra: Mapping[str, bytes] | None = None,
    **fields: Any,
) -> Packed:
    """A pack as the builder writes it. `extra` entries come first; None for `runtime`: SHOW."""
    parts = {
        MODEL: b"not a model" * 100,
        RUNTIME: image() if runtime is None else runtime,
        layout.MANIFEST_NAME: manifest(**fields),
    }
    return assemble(launcher, [*(extra or {}).items(), *parts.items()])


def assemble(launcher: bytes, parts: Iterable[tuple[str, bytes]]) -> Packed:
    packed = Packed(bytearray(launcher))
    headers = b""
    count = 0
    for name, data in parts:
        start = len(packed.data) + layout.local_header_bytes(name)
        packed.data += bytes(-start % layout.ENTRY_ALIGNMENT)
        sha256 = hashlib.sha256(data).hexdigest()
        entry = layout.Entry(name, len(data), zlib.crc32(data), sha256, len(packed.data))
        packed.entries[name] = entry
        packed.data += layout.local_header(entry) + data
        headers += layout.central_header(entry)
        count += 1
    packed.directory_offset = len(packed.data)
    packed.data += headers + layout.tail(headers, packed.directory_offset, count)
    return packed

"""A pack whose model cannot be loaded, with a manifest as the test wants it."""

from __future__ import annotations

import hashlib
import json
import zlib
from pathlib import Path

from llamapack_runtime.pack import Entry, EntrySum, Manifest, ModelInfo, RuntimeInfo
from llamapack_runtime.pack.format import (
    LOGO_STEM,
    MANIFEST_NAME,
    central_header,
    local_header,
    tail,
)

MODEL, RUNTIME, DRAFT = "model/m.gguf", "runtime/r.tar.zst", "draft/d.gguf"


def write_pack(
    path: Path,
    model: bytes = b"no model",
    logo: bytes | None = None,
    draft: bytes | None = None,
    **changes: object,
) -> Path:
    """`changes` replace top-level fields of the manifest. The logo is the entry "brand/logo", and
    `draft` the model's draft model."""
    body, entries = b"launcher", list[Entry]()

    def add(name: str, data: bytes) -> None:
        nonlocal body
        digest = hashlib.sha256(data).hexdigest()
        entries.append(Entry(name, len(data), zlib.crc32(data), digest, len(body)))
        body += local_header(entries[-1]) + data

    add(MODEL, model)
    add(RUNTIME, b"runtime")
    if draft is not None:
        add(DRAFT, draft)
    if logo is not None:
        add(LOGO_STEM, logo)
    add(MANIFEST_NAME, _manifest(entries, changes))
    directory = b"".join(map(central_header, entries))
    path.write_bytes(body + directory + tail(directory, len(body), len(entries)))
    return path


def _manifest(entries: list[Entry], changes: dict[str, object]) -> bytes:
    draft = DRAFT if any(entry.name == DRAFT for entry in entries) else None
    manifest = Manifest(
        pack_id="0123456789abcdef",
        name="A small pack",
        target="linux-x86_64",
        llamapack_version="0.1.0",
        model=ModelInfo(MODEL, "M", "llama", "Q4_K_M", 7, 4096, True, None, draft=draft),
        runtime=RuntimeInfo(RUNTIME, "key", None, {}),
        settings={},
        entries=tuple(EntrySum(entry.name, entry.size, entry.sha256) for entry in entries),
    )
    return json.dumps(json.loads(manifest.to_json()) | changes).encode()

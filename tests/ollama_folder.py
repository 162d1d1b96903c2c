"""Makes a folder of models as Ollama keeps it. Source of the layout: manifest/ of Ollama."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

MEDIA_TYPE = "application/vnd.ollama.image."


def add_blob(store: Path, data: bytes) -> str:
    digest = hashlib.sha256(data).hexdigest()
    blobs = store / "blobs"
    blobs.mkdir(parents=True, exist_ok=True)
    (blobs / f"sha256-{digest}").write_bytes(data)
    return digest


def add_model(
    store: Path,
    layers: Sequence[tuple[str, bytes]],
    name: str = "registry.ollama.ai/library/tiny/latest",
) -> Path:
    """The manifest of a model with `layers`, each a kind and its data."""
    listed = [
        {
            "mediaType": MEDIA_TYPE + kind,
            "digest": f"sha256:{add_blob(store, data)}",
            "size": len(data),
        }
        for kind, data in layers
    ]
    path = store / "manifests" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"schemaVersion": 2, "layers": listed}))
    return path


def blob_of(store: Path, data: bytes) -> Path:
    return store / "blobs" / f"sha256-{hashlib.sha256(data).hexdigest()}"

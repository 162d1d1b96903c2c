"""Ollama's folder of models: which there are, and which files make up one of them. Knows nothing of
what is in those files.

Layout: `manifests/HOST/NAMESPACE/MODEL/TAG`, a JSON list of layers, each a file of `blobs/`.
Format source: types/model/name.go, manifest/manifest.go and manifest/layer.go of Ollama."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from llamapack.errors import ModelError
from llamapack.inputs.place import is_folder
from llamapack.presets.checking import near_miss
from llamapack.text import plain

HOST, NAMESPACE, TAG = "registry.ollama.ai", "library", "latest"
SYSTEM_STORE = Path("/usr/share/ollama/.ollama/models")
MEDIA_TYPE = "application/vnd.ollama.image."
MAX_MANIFEST_BYTES = 1 << 20
MAX_TEXT_BYTES = 1 << 20
MAX_LAYERS = 64
_MAX_NAMES = 2000
_MAX_LISTED = 12
_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._:-]{0,199}")
_DIGEST = re.compile(r"sha256[:-]([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class ModelName:
    host: str
    namespace: str
    model: str
    tag: str

    @property
    def text(self) -> str:
        """As Ollama writes it: what is as usual is left out."""
        host = "" if self.host == HOST else f"{self.host}/"
        namespace = f"{self.namespace}/" if host or self.namespace != NAMESPACE else ""
        return f"{host}{namespace}{self.model}:{self.tag}"

    @property
    def stem(self) -> str:
        return self.model if self.tag == TAG else f"{self.model}-{self.tag}"


@dataclass(frozen=True, slots=True)
class Layer:
    """`kind` is what follows MEDIA_TYPE: model, template, params and so on."""

    kind: str
    sha256: str
    size: int
    path: Path


def parse_name(text: str) -> ModelName | None:
    """From [HOST/][NAMESPACE/]MODEL[:TAG]; None for what can be none."""
    head, slash, last = text.rpartition("/")
    model, _, tag = last.partition(":")
    before = head.split("/") if slash else []
    if len(before) > 2:
        return None
    host, namespace = [HOST, NAMESPACE][: 2 - len(before)] + before
    parts = (host, namespace, model, tag or TAG)
    return ModelName(*parts) if all(map(_PART.fullmatch, parts)) else None


def stores() -> list[Path]:
    """Where models may be, the user's own first."""
    own = os.environ.get("OLLAMA_MODELS") or Path.home() / ".ollama" / "models"
    return [Path(own), SYSTEM_STORE]


def stored_names() -> list[str]:
    """All models that are there, as Ollama writes them."""
    found = (name.text for store in stores() for name in _names_in(store))
    return sorted(set(islice(found, _MAX_NAMES)))


def read_layers(name: ModelName) -> list[Layer]:
    """The files of a model, each of the size that its manifest says. Raises ModelError that names
    what is missing."""
    for store in stores():
        path = store / "manifests" / name.host / name.namespace / name.model / name.tag
        try:
            with path.open("rb") as file:
                data = file.read(MAX_MANIFEST_BYTES + 1)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            raise ModelError(f"Cannot read {plain(str(path))}: {error.strerror}.") from error
        layers = [_layer(raw, store, name) for raw in _raw_layers(data, name)]
        for layer in layers:
            _check_blob(layer, name)
        return layers
    raise ModelError(_unknown(name))


def read_text(layer: Layer, name: ModelName) -> str:
    """A small layer, checked against its digest. Raises ModelError."""
    what = f"the {plain(layer.kind)} of {name.text}"
    if layer.size > MAX_TEXT_BYTES:
        raise ModelError(f"{what[0].upper()}{what[1:]} is too large to be genuine.")
    try:
        with layer.path.open("rb") as file:
            data = file.read(MAX_TEXT_BYTES + 1)
    except OSError as error:
        raise ModelError(f"Cannot read {plain(str(layer.path))}: {error.strerror}.") from error
    if hashlib.sha256(data).hexdigest() != layer.sha256:
        raise ModelError(
            f"The file of {what}, {plain(str(layer.path))}, was damaged or altered. {_again(name)}"
        )
    return data.decode(errors="replace")


def _raw_layers(data: bytes, name: ModelName) -> list[Any]:
    try:
        raw = json.loads(data) if len(data) <= MAX_MANIFEST_BYTES else None
    except (ValueError, RecursionError):
        raw = None
    layers = raw.get("layers") if isinstance(raw, dict) else None
    if not isinstance(layers, list) or len(layers) > MAX_LAYERS:
        raise _damaged(name)
    return layers


def _layer(raw: object, store: Path, name: ModelName) -> Layer:
    if not isinstance(raw, dict):
        raise _damaged(name)
    media_type, digest, size = (raw.get(key) for key in ("mediaType", "digest", "size"))
    match = _DIGEST.fullmatch(digest) if isinstance(digest, str) else None
    if match is None or not isinstance(media_type, str) or not isinstance(size, int) or size < 0:
        raise _damaged(name)
    kind = media_type.split(";")[0].removeprefix(MEDIA_TYPE)
    blobs = store / "blobs"
    return Layer(kind, match[1], size, blobs / f"sha256-{match[1]}")


def _check_blob(layer: Layer, name: ModelName) -> None:
    kind = plain(layer.kind)[:80]
    try:
        size = layer.path.stat().st_size
    except FileNotFoundError:
        raise ModelError(
            f"{name.text} is not whole: the file of its {kind}, {plain(layer.path.name)}, is not "
            f"in {plain(str(layer.path.parent))}. {_again(name)}"
        ) from None
    except OSError as error:
        raise ModelError(f"Cannot read {plain(str(layer.path))}: {error.strerror}.") from error
    if size != layer.size:
        raise ModelError(
            f"{name.text} is not whole: the file of its {kind}, {plain(layer.path.name)}, has "
            f"{size:,} bytes instead of {layer.size:,}. {_again(name)}"
        )


def _names_in(store: Path) -> Iterator[ModelName]:
    root = store / "manifests"
    try:
        for path in root.glob("*/*/*/*"):
            yield ModelName(*path.relative_to(root).parts)
    except OSError:
        return  # a folder that may not be listed has no names to offer


def _unknown(name: ModelName) -> str:
    names = [text.removesuffix(f":{TAG}") for text in stored_names()]
    folders = " and ".join(plain(str(store)) for store in stores() if is_folder(store))
    if not folders:
        return (
            f"There is no model {name.text}, because Ollama keeps no models here: "
            f"{plain(str(stores()[0]))} does not exist. Set OLLAMA_MODELS if it is another folder."
        )
    near = near_miss(name.text.removesuffix(f":{TAG}"), names)
    if not near and names:
        more = ", ..." if len(names) > _MAX_LISTED else ""
        near = f" There are {plain(', '.join(names[:_MAX_LISTED]))}{more}."
    return f"Ollama has no model {name.text} in {folders}.{near} {_again(name)}"


def _damaged(name: ModelName) -> ModelError:
    return ModelError(f"Ollama's manifest of {name.text} is damaged. {_again(name)}")


def _again(name: ModelName) -> str:
    return f"To get it: ollama pull {name.text}"

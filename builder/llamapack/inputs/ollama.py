"""ollama:NAME[:TAG], a model out of Ollama's own folder."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from llamapack.errors import ModelError
from llamapack.gguf_files.model import GgufModel, read_model
from llamapack.inputs.found import Found
from llamapack.inputs.ollama_store import Layer, ModelName, parse_name, read_layers, read_text
from llamapack.inputs.recipe import Message, Recipe, found_of
from llamapack.inputs.said import Said
from llamapack.text import plain

# What a list of layers has besides that changes nothing here.
_IGNORED = ("application/vnd.docker.container.image.v1+json", "prompt", "embed")


def from_ollama(text: str) -> Found:
    """Raises ModelError that says what is missing, or what cannot be packed."""
    name = parse_name(text)
    if name is None:
        raise ModelError(
            f"'{plain(text)[:200]}' is no name of a model of Ollama's, such as llama3.2:1b or "
            "somebody/model:tag."
        )
    return found_of(*base_of(name))


def base_of(name: ModelName) -> tuple[GgufModel, str, Recipe]:
    """The model, what it is called as a file, and what comes with it."""
    layers = read_layers(name)
    models = [layer for layer in layers if layer.kind == "model"]
    if len(models) != 1:
        raise ModelError(_no_model(name, layers, len(models)))
    return read_model(models[0].path, name.text), name.stem, _recipe(name, layers)


def _no_model(name: ModelName, layers: Sequence[Layer], count: int) -> str:
    if count > 1:
        return f"{name.text} has {count} files of weights, and only one can be packed."
    if any(layer.kind == "tensor" for layer in layers):
        return (
            f"{name.text} is kept as single tensors, not as a GGUF; get a model of that kind, "
            "such as one with a quantization in its tag."
        )
    return f"{name.text} has no weights in Ollama's folder; it may run elsewhere. Use another one."


def _recipe(name: ModelName, layers: Sequence[Layer]) -> Recipe:
    texts: dict[str, Said] = {}
    licenses = []
    for layer in layers:
        if layer.kind in ("template", "system", "params", "messages"):
            texts[layer.kind] = Said(read_text(layer, name), f"the {layer.kind} of {name.text}")
        elif layer.kind == "license":
            licenses.append(read_text(layer, name))
    return Recipe(
        template=texts.get("template"),
        system=texts.get("system"),
        parameters=tuple(_parameters(texts["params"], name)) if "params" in texts else (),
        messages=tuple(_messages(texts["messages"])) if "messages" in texts else (),
        licenses=tuple(licenses),
        adapters=tuple(layer.path for layer in layers if layer.kind == "adapter"),
        projectors=tuple(layer.path for layer in layers if layer.kind == "projector"),
        warnings=tuple(_strange(name, layers)),
    )


def _strange(name: ModelName, layers: Sequence[Layer]) -> Iterator[str]:
    known = ("model", "template", "system", "params", "messages", "license", "adapter", "projector")
    for layer in layers:
        if layer.kind not in (*known, *_IGNORED):
            yield f"The {plain(layer.kind)[:80]} of {name.text} is left out: it is not known here."


def _parameters(said: Said, name: ModelName) -> Iterator[tuple[str, Said]]:
    """Each value as a Modelfile would have it; those of a list one by one."""
    for key, value in _json(said, dict).items():
        where = f"the parameter {plain(key)[:80]} of {name.text}"
        for one in value if isinstance(value, list) else [value]:
            if not isinstance(one, str | int | float):
                raise ModelError(f"{said.at_start} are damaged at '{plain(key)[:80]}'.")
            yield key, Said(one if isinstance(one, str) else json.dumps(one), where)


def _messages(said: Said) -> Iterator[Message]:
    for number, raw in enumerate(_json(said, list), 1):
        role, text = (raw.get("role"), raw.get("content")) if isinstance(raw, dict) else (None, "")
        if not isinstance(role, str) or not isinstance(text, str):
            raise ModelError(f"{said.at_start} are damaged at number {number}.")
        yield Message(plain(role)[:80], Said(text, f"number {number} of {said.where}"))


def _json(said: Said, kind: type) -> Any:
    try:
        value = json.loads(said.text)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, kind):
        raise ModelError(f"{said.at_start} are damaged.")
    return value

"""A model as a Modelfile describes it: what FROM names, and what the other lines add."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from llamapack.errors import ModelError, SettingError
from llamapack.gguf_files.file import read_gguf
from llamapack.gguf_files.model import GgufModel, part_type
from llamapack.inputs.file import from_file
from llamapack.inputs.folder import from_folder
from llamapack.inputs.found import Found
from llamapack.inputs.missing import missing_text
from llamapack.inputs.modelfile import FOREIGN, Instruction, read_modelfile
from llamapack.inputs.ollama import base_of
from llamapack.inputs.ollama_store import parse_name
from llamapack.inputs.place import path_in, what_is
from llamapack.inputs.recipe import Message, Recipe, found_of
from llamapack.inputs.said import Said
from llamapack.text import plain

_ENDINGS = (".gguf", ".bin", ".safetensors")


@dataclass(frozen=True, slots=True)
class _Base:
    gguf: GgufModel
    stem: str
    recipe: Recipe


def from_modelfile(path: Path) -> Found:
    """Raises ModelError and SettingError that name the line."""
    name, folder = plain(path.name), path.parent
    base: _Base | None = None
    recipe = Recipe()
    for one in read_modelfile(path):
        said = Said(one.value, f"line {one.line} of {name}: {one.word} {one.name}".rstrip())
        if one.word != "FROM":
            recipe = _added(recipe, one, said, folder)
            continue
        named = _named(said, folder)
        if isinstance(named, Path):
            recipe = replace(recipe, projectors=(*recipe.projectors, named))
        elif base is not None:
            raise ModelError(f"{said.at_start}: a second model; a Modelfile describes one.")
        else:
            base = named
    if base is None:
        raise ModelError(f"{name} names a projector only; let a FROM line name the model, too.")
    return found_of(base.gguf, base.stem, base.recipe.with_all(recipe))


def _named(said: Said, folder: Path) -> _Base | Path:
    """What a FROM line names: a model, or the file of a projector."""
    try:
        path = _path(said.text, folder)
        if path is None:
            name = parse_name(said.text)
            assert name is not None, "what is no name of Ollama's is a path"
            return _Base(*base_of(name))
        if what_is(path) == "folder":
            return _base(from_folder(path))
        if what_is(path) is None:
            raise ModelError(missing_text(path))
        if part_type(read_gguf(path, is_part=True).header) == "mmproj":
            return path
        return _base(from_file(path))
    except (ModelError, SettingError) as error:
        raise type(error)(f"{said.at_start}: {error}") from error


def _base(found: Found) -> _Base:
    projectors = () if found.projector is None else (found.projector,)
    return _Base(found.gguf, found.stem, Recipe(projectors=projectors))


def _path(text: str, folder: Path) -> Path | None:
    """The path that a line means; None when it means one of Ollama's models."""
    path = path_in(folder, text)
    looks_like_one = text.startswith((".", "/", "~")) or text.lower().endswith(_ENDINGS)
    is_one = looks_like_one or parse_name(text) is None or what_is(path) is not None
    return path if is_one else None


def _added(recipe: Recipe, one: Instruction, said: Said, folder: Path) -> Recipe:
    """What is said of one thing twice: the later line wins; of licences and messages, all."""
    if one.word == "TEMPLATE":
        return replace(recipe, template=said)
    if one.word == "SYSTEM":
        return replace(recipe, system=said)
    if one.word == "LICENSE":
        return replace(recipe, licenses=(*recipe.licenses, one.value))
    if one.word == "PARAMETER":
        return replace(recipe, parameters=(*recipe.parameters, (one.name, said)))
    if one.word == "MESSAGE":
        return replace(recipe, messages=(*recipe.messages, Message(one.name, said)))
    if one.word == "ADAPTER":
        return replace(recipe, adapters=(*recipe.adapters, _adapter(said, folder)))
    assert one.word in FOREIGN, "the reader knows no other instruction"
    warning = f"{said.at_start} is left out: it is about Ollama itself."
    return replace(recipe, warnings=(*recipe.warnings, warning))


def _adapter(said: Said, folder: Path) -> Path:
    try:
        path = path_in(folder, said.text)
        if what_is(path) == "folder" or path.suffix == ".safetensors":
            raise ModelError(
                f"{plain(path.name)} is no GGUF; convert the adapter with llama.cpp's "
                "convert_lora_to_gguf.py."
            )
        if what_is(path) is None:
            raise ModelError(missing_text(path))
        return path
    except ModelError as error:
        raise ModelError(f"{said.at_start}: {error}") from error

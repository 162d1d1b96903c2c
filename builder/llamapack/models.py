"""The models of one pack: what each is called there, and what the manifest says of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from llamapack.errors import SettingError
from llamapack.gguf_files.model import GgufModel
from llamapack.inputs import Found, resolve
from llamapack.reporter import Reporter
from llamapack.text import plain
from llamapack.writing.source import Source
from llamapack_runtime.pack import ModelInfo
from llamapack_runtime.pack.format import MODEL_FOLDER, MODEL_LICENSE_FOLDER

MAX_MODELS = 16
MAX_NAME_CHARS = 200
NO_LICENSE = (
    "{} does not say under which licence it may be passed on; look it up before you give the pack "
    "to others, and name it with --license."
)

_MAX_STEM_CHARS = 150
_NAMED = re.compile(r"(?s)([^/\\=]+)=(.+)")


@dataclass(frozen=True, slots=True)
class FurtherModel:
    """What --with says: a model, and the name that it shall have. None: the GGUF's own."""

    model: Found
    name: str | None = None


@dataclass(frozen=True, slots=True)
class PackModel:
    """`name` is what a request calls it, `entry` where it lies."""

    found: Found
    name: str
    entry: str

    @property
    def gguf(self) -> GgufModel:
        return self.found.gguf

    @property
    def source(self) -> Source:
        return self.gguf.source(self.entry)

    @property
    def info(self) -> ModelInfo:
        header = self.gguf.header
        return ModelInfo(
            entry=self.entry,
            name=self.name,
            architecture=header.architecture,
            quantization=header.quantization,
            parameter_count=header.parameter_count,
            context_length=header.context_length,
            has_chat_template=bool(header.chat_template),
            license=self.gguf.license or self.found.license_name,
            kind=self.gguf.kind,
        )


def read_further(text: str, reporter: Reporter) -> FurtherModel:
    """From MODEL or NAME=MODEL. SettingError for a name that is none, ModelError for what is no
    model."""
    argument, name = split_name(text)
    found = resolve(argument, reporter)
    left_out = [
        *sorted(found.settings),
        *(f"the adapter {plain(one.path.name)}" for one in found.adapters),
    ]
    if left_out:
        reporter.warn(
            f"What comes with {found.gguf.name} is left out ({', '.join(left_out)}): settings and "
            "adapters are the first model's."
        )
    return FurtherModel(found, name)


def split_name(text: str, source: str = "--with") -> tuple[str, str | None]:
    """The model argument and the name before it, if there is one. SettingError for a bad name,
    which begins with `source`."""
    found = _NAMED.fullmatch(text)
    if found is None or Path(text).exists():
        return text, None
    name = found[1].strip()
    if not (name and name.isprintable() and len(name) <= MAX_NAME_CHARS):
        raise SettingError(
            f"{source} {plain(text)[:80]}: a name is one line of 1 to {MAX_NAME_CHARS} characters."
        )
    return found[2], name


def check_count(further: Sequence[FurtherModel]) -> None:
    """SettingError when there are too many."""
    if len(further) >= MAX_MODELS:
        raise SettingError(
            f"A pack holds up to {MAX_MODELS} models, and these are {len(further) + 1}; "
            "leave some out."
        )


def name_models(
    first: Found, usual_name: str, further: Sequence[FurtherModel] = ()
) -> tuple[PackModel, ...]:
    """The first is the one that a chat begins with; a GGUF without a name has `usual_name` there.
    SettingError when two have one name, or when the first does not chat and another does."""
    _check_first(first.gguf, [one.model.gguf for one in further])
    named = [(first, first.gguf.title or usual_name)]
    named += [(one.model, one.name or _own_name(one.model)) for one in further]
    models: list[PackModel] = []
    for found, name in named:
        _check_name(found.gguf, name, models)
        models.append(PackModel(found, name, _entry(found.stem, models)))
    return tuple(models)


def license_warnings(models: Sequence[PackModel], main_license: str | None) -> list[str]:
    """Of those of which nobody says under which licence they are; `main_license` is what the packer
    says of the first."""
    unsaid = [one for one in models if not one.found.has_license]
    return [
        NO_LICENSE.format(one.gguf.name) for one in unsaid if one != models[0] or not main_license
    ]


def license_sources(models: Sequence[PackModel]) -> list[Source]:
    """The texts of the models' licences, where they came with them."""
    texts = [model.found.license for model in models]
    names = ["LICENSE.txt", *(f"LICENSE-{number}.txt" for number in range(2, len(texts) + 1))]
    return [
        Source(MODEL_LICENSE_FOLDER + name, (text.encode(errors="replace"),))
        for name, text in zip(names, texts, strict=True)
        if text
    ]


def entry_file_name(stem: str) -> str:
    """A GGUF's name, given without `.gguf`, as every system can store it."""
    name = stem.encode(errors="replace").decode()
    name = re.sub(r'[\\/:*?"<>|]', "_", plain(name))
    return (name.strip(" .")[:_MAX_STEM_CHARS].strip(" .") or "model") + ".gguf"


def _check_first(first: GgufModel, others: Sequence[GgufModel]) -> None:
    chats = next((one for one in others if one.kind == "chat"), None)
    if first.kind != "chat" and chats is not None:
        mine, other = first.name, chats.name
        raise SettingError(
            f"{mine} does not chat and {other} does; name {other} first and add {mine} with --with."
        )


def _check_name(gguf: GgufModel, name: str, before: Iterable[PackModel]) -> None:
    same = next((one for one in before if one.name.casefold() == name.casefold()), None)
    if same is not None:
        raise SettingError(
            f"{same.gguf.name} and {gguf.name} are both called "
            f"'{plain(name)}', and requests could not tell them apart; give this one another name: "
            f"--with NAME={plain(str(gguf.path))}"
        )


def _own_name(model: Found) -> str:
    return model.gguf.title or plain(model.stem) or "model"


def _entry(model_stem: str, before: Sequence[PackModel]) -> str:
    """Of two files with one name, the later one gets a number."""
    taken = {one.entry for one in before}
    file_name = entry_file_name(model_stem)
    stem = file_name.removesuffix(".gguf")
    numbered = (f"{stem}-{number}.gguf" for number in range(2, len(before) + 3))
    names = (MODEL_FOLDER + name for name in (file_name, *numbered))
    return next(name for name in names if name not in taken)

"""The draft model of a pack: a small model that guesses tokens for its first one."""

from __future__ import annotations

from dataclasses import dataclass

from llamapack.errors import ModelError, SettingError
from llamapack.gguf_files.file import read_gguf
from llamapack.gguf_files.model import GgufModel
from llamapack.inputs import Found
from llamapack.models import NO_LICENSE, entry_file_name
from llamapack.text import plain, size_text
from llamapack.writing.source import Source
from llamapack_runtime.pack import GgufError
from llamapack_runtime.pack.draft import Vocabulary, check_draft, check_vocabularies
from llamapack_runtime.pack.format import DRAFT_FOLDER, MODEL_LICENSE_FOLDER

# A draft that is no smaller than this share of the model hardly ever makes it faster.
_LARGE_SHARE = 0.35


@dataclass(frozen=True, slots=True)
class PackDraft:
    """`entry` is where it lies."""

    found: Found
    entry: str

    @property
    def sources(self) -> tuple[Source, ...]:
        """Itself, and the text of its licence where it came with one."""
        model = self.found.gguf.source(self.entry)
        text = self.found.license
        if not text:
            return (model,)
        name = MODEL_LICENSE_FOLDER + "LICENSE-draft.txt"
        return (model, Source(name, (text.encode(errors="replace"),)))

    def warnings(self, model: GgufModel) -> list[str]:
        """What whoever packs it with `model` should know."""
        own = self.found.gguf
        large = (
            f"The draft model {own.name} has {size_text(own.size_bytes)}, and {model.name} only "
            f"{size_text(model.size_bytes)}: one that is ten times smaller gains more."
        )
        said = [large] if own.size_bytes > model.size_bytes * _LARGE_SHARE else []
        return said if self.found.has_license else [*said, NO_LICENSE.format(own.name)]


def read_draft(found: Found | None, model: GgufModel) -> PackDraft | None:
    """SettingError for the model itself or a larger one, ModelError for one that does not fit,
    which names the first difference."""
    if found is None:
        return None
    draft = found.gguf
    if any(one.samefile(other) for one in draft.files for other in model.files):
        raise SettingError(f"{draft.name} is the model itself; --draft names a smaller one.")
    if draft.size_bytes >= model.size_bytes:
        raise SettingError(
            f"The draft model {draft.name} is not smaller than {model.name} "
            f"({size_text(draft.size_bytes)} and {size_text(model.size_bytes)}), so that it could "
            "only make it slower; name a smaller one, or leave out --draft."
        )
    try:
        check_draft(draft.header, model.header, plain(draft.name))
        check_vocabularies(
            _vocabulary(draft), _vocabulary(model), plain(draft.name), plain(model.name)
        )
    except GgufError as error:
        raise ModelError(str(error)) from error
    return PackDraft(found, DRAFT_FOLDER + entry_file_name(found.stem))


def _vocabulary(model: GgufModel) -> Vocabulary:
    """Of a model in several files, the first has it."""
    file = read_gguf(model.path, model.name, is_part=True)
    try:
        with model.path.open("rb") as opened:
            return Vocabulary.read(opened, 0, file.header, model.name)
    except OSError as error:
        raise ModelError(f"Cannot read {plain(str(model.path))}: {error.strerror}.") from error

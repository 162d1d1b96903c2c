"""The draft model of this start: the pack's or that of --model-draft."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from llamapack_runtime.errors import ModelFileUnusable
from llamapack_runtime.pack import ModelInfo, Pack
from llamapack_runtime.pack.format import DRAFT_FOLDER
from llamapack_runtime.settings import Settings


@dataclass(frozen=True, slots=True)
class DraftSource:
    """`size` bytes of GGUF at `offset` of `path`."""

    path: Path
    offset: int
    size: int
    name: str


def packed_draft(pack: Pack, info: ModelInfo) -> DraftSource | None:
    """PackError when it is not in the pack."""
    if info.draft is None:
        return None
    entry = pack.entry(info.draft)
    name = info.draft.removeprefix(DRAFT_FOLDER).removesuffix(".gguf")
    return DraftSource(pack.path, entry.data_offset, entry.size, name)


def draft_of(packed: DraftSource | None, settings: Settings) -> DraftSource | None:
    """The one that was asked for at this start, else the pack's; none where nothing is to be
    guessed. ModelFileUnusable for a file that is not there."""
    if settings.spec_type == "none":
        return None
    if settings.model_draft is None:
        return packed
    path = Path(settings.model_draft)
    try:
        path = path.resolve(strict=True)
        return DraftSource(path, 0, path.stat().st_size, path.name.removesuffix(".gguf"))
    except (OSError, RuntimeError) as error:
        cause = error.strerror if isinstance(error, OSError) else error
        raise ModelFileUnusable(f"The draft model {path} cannot be read: {cause}.") from error

"""Which of several GGUF files is meant: by a quantization, or because there is only one. Knows
nothing of where the files are."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from llamapack.errors import ModelError
from llamapack.gguf_files.split import NAME
from llamapack.text import plain, size_text

USUAL = "Q4_K_M"
_MAX_LISTED = 20
_NOT_MODELS = re.compile(r"(?i)mmproj|imatrix|ggml-vocab|\blora\b")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A model: its file, or all that it is split into. Names are relative to where they are."""

    files: tuple[str, ...]
    size_bytes: int | None = None

    @property
    def stem(self) -> str:
        name = PurePosixPath(self.files[0])
        match = NAME.fullmatch(name.name)
        return match["stem"] if match else name.stem

    @property
    def shown(self) -> str:
        size = "" if self.size_bytes is None else f" ({size_text(self.size_bytes)})"
        return plain(self.files[0]) + size


def candidates(sizes: Iterable[tuple[str, int | None]]) -> list[Candidate]:
    """The models among files with their sizes in bytes; the parts of one as one. What a name tells
    to be no model is left out."""
    groups: dict[str, list[tuple[str, int | None]]] = {}
    for name, size in sorted(sizes):
        path = PurePosixPath(name)
        if path.suffix.lower() != ".gguf" or _NOT_MODELS.search(path.name):
            continue
        match = NAME.fullmatch(path.name)
        key = str(path.with_name(f"{match['stem']}-of-{match['count']}")) if match else name
        groups.setdefault(key, []).append((name, size))
    return [_candidate(group) for group in groups.values()]


def projectors(names: Iterable[str]) -> list[str]:
    return sorted(
        name
        for name in names
        if name.lower().endswith(".gguf") and "mmproj" in PurePosixPath(name).name.lower()
    )


def choose(found: Sequence[Candidate], quantization: str | None, where: str) -> Candidate:
    """The one with `quantization` in its name; without one the only one, or the usual one of
    several. `where` says where they are. ModelError that lists them when that is none or many."""
    if quantization is None:
        usual = [one for one in found if _has(one, USUAL)]
        fit = list(found) if len(found) == 1 else usual
    else:
        fit = [one for one in found if _has(one, quantization)]
    if len(fit) == 1:
        return fit[0]
    if not found:
        raise ModelError(f"There is no GGUF model in {where}.")
    what = f"with '{plain(quantization)[:80]}' in its name" if quantization else "that is the usual"
    many = "several files" if fit else "no file"
    raise ModelError(f"There is {many} {what} in {where}. {listed(fit or found)}")


def listed(found: Sequence[Candidate]) -> str:
    shown = ", ".join(one.shown for one in found[:_MAX_LISTED])
    more = f" and {len(found) - _MAX_LISTED} more" if len(found) > _MAX_LISTED else ""
    return f"Name one of these: {shown}{more}."


def _candidate(group: Sequence[tuple[str, int | None]]) -> Candidate:
    sizes = [size for _, size in group if size is not None]
    total = sum(sizes) if len(sizes) == len(group) else None
    return Candidate(tuple(name for name, _ in group), total)


def _has(one: Candidate, quantization: str) -> bool:
    """In the file's name or, where each has a folder, in the folder's."""
    text = str(PurePosixPath(one.files[0]).parent / one.stem)
    pattern = rf"(?i)(?:^|[-._/]){re.escape(quantization)}(?:$|[-._/])"
    return re.search(pattern, text) is not None

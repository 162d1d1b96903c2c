"""`llamapack build --shared`: one folder for several systems, with a small program for each and the
models once, in the archive that all of them use."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from llamapack.build import Plan, Unsealed, plan_build, planned_size
from llamapack.errors import OutputError, SettingError
from llamapack.image_entries import Image, engine_text, image_sources
from llamapack.options import BuildOptions
from llamapack.packs.opening import is_pack
from llamapack.reporter import Reporter
from llamapack.targets.table import target_named
from llamapack.text import plain, size_text
from llamapack.writing.newfile import new_file
from llamapack.writing.newfolder import check_folder, new_folder
from llamapack.writing.packwriter import PACK_MODE, write_pack
from llamapack.writing.sidecar import archive_path, end_of_program, sidecar_path
from llamapack.writing.source import Source, copy_source

_FAT32_BYTES = 2**32 - 1


@dataclass(frozen=True, slots=True)
class SharedPlan:
    """`archive` is the plan of what lies beside the `programs`, by their names."""

    archive: Plan
    programs: dict[str, Source]

    @property
    def folder(self) -> Path:
        return self.archive.options.output

    @property
    def size_bytes(self) -> int:
        return planned_size(self.archive) + sum(one.size for one in self.programs.values())

    @property
    def archive_name(self) -> str:
        return sidecar_path(Path(self.folder.name)).name


@dataclass(frozen=True, slots=True)
class SharedResult:
    folder: Path
    name: str
    files: tuple[str, ...]
    targets: tuple[str, ...]
    pack_id: str
    size_bytes: int
    model_bytes: int
    duration_s: float
    warnings: tuple[str, ...]


def check_shared(folder: Path) -> None:
    """OutputError where the folder cannot be made, or holds what is not of such a pack."""
    check_folder(folder)
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if not (path.is_file() and (is_pack(path) or archive_path(path) != path)):
            raise OutputError(
                f"{plain(str(folder))} holds {plain(path.name)}, which is not of a pack. Name "
                "another folder with --output."
            )


def plan_shared(wanted: Sequence[BuildOptions], get_image: Callable[[str], Image]) -> SharedPlan:
    """Of the same pack for several targets, with the folder as its output. Writes nothing. Raises
    LlamapackError for what could not be packed."""
    check_shared(wanted[0].output)
    plans = [plan_build(options, get_image) for options in wanted]
    engines = {engine_text(plan.image) for plan in plans}
    if len(engines) > 1:
        raise SettingError(
            f"The runtime images have different engines ({', '.join(sorted(engines))}), and a "
            "folder that is shared needs one. Get images of one version with 'llamapack runtime'."
        )
    first = plans[0]
    archive = replace(
        first,
        sources=(*first.sources, *_further(plans)),
        other_images=tuple(plan.image for plan in plans[1:]),
    )
    stem = wanted[0].output.name
    return SharedPlan(archive, {_program_name(stem, plan.image): plan.launcher for plan in plans})


def build_shared(
    wanted: Sequence[BuildOptions], get_image: Callable[[str], Image], reporter: Reporter
) -> SharedResult:
    """Make that folder; an older one of ours is replaced in one step. Raises LlamapackError."""
    plan = plan_shared(wanted, get_image)
    archive = plan.archive
    for warning in archive.warnings:
        reporter.warn(warning)
    if planned_size(archive) > _FAT32_BYTES:
        reporter.note(
            f"{plain(plan.archive_name)} will have {size_text(planned_size(archive))}: a stick "
            "that is formatted as FAT32 takes no file of 4 GiB or more, one as exFAT does."
        )
    started = time.monotonic()
    total = sum(source.size for source in (archive.launcher, *archive.sources))
    advance = reporter.start(f"Packing {plain(plan.folder.name)}", total)
    unsealed = Unsealed(archive)
    with new_folder(plan.folder) as work:
        beside = work / plan.archive_name
        size = write_pack(beside, archive.launcher, archive.sources, unsealed.manifest, advance)
        for name, launcher in plan.programs.items():
            whole = Source(name, (*launcher.parts, end_of_program(beside)))
            with new_file(work / name, whole.size, PACK_MODE) as file:
                copy_source(whole, file, 0, lambda _: None)
            size += whole.size
    return SharedResult(
        folder=plan.folder,
        name=archive.name,
        files=(*plan.programs, plan.archive_name),
        targets=tuple(options.target for options in wanted),
        pack_id=unsealed.pack_id,
        size_bytes=size,
        model_bytes=archive.model_bytes,
        duration_s=time.monotonic() - started,
        warnings=archive.warnings,
    )


def _program_name(stem: str, image: Image) -> str:
    target = target_named(image.target)
    return f"{stem}-{target.file_word}{target.program_suffix}"


def _further(plans: Sequence[Plan]) -> Iterator[Source]:
    """What the other images bring. A licence that differs from one of that name is kept, too."""
    taken = {source.name: source.read() for source in image_sources(plans[0].image)[1:]}
    for plan in plans[1:]:
        runtime, *licenses = image_sources(plan.image)
        yield runtime
        for source in licenses:
            data = source.read()
            if taken.get(source.name) == data:
                continue
            stem, dot, ending = source.name.rpartition(".")
            name = (
                f"{stem}-{plan.image.target}{dot}{ending}" if source.name in taken else source.name
            )
            taken[name] = data
            yield replace(source, name=name)

"""`llamapack build`: a checked model and a runtime image become a pack."""

from __future__ import annotations

import contextlib
import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from llamapack.adapters import PackAdapter, acting, read_adapters
from llamapack.bake import baker
from llamapack.draft import PackDraft, read_draft
from llamapack.errors import SettingError
from llamapack.gguf_files.model import check_architecture
from llamapack.image_entries import (
    Image,
    engine_text,
    image_sources,
    launcher_source,
    runtime_entry,
    runtime_info,
)
from llamapack.mac.app import NO_LAUNCHER, App, app_of, started_as_app, write_app
from llamapack.mac.zipping import write_zip
from llamapack.models import PackModel, license_sources, license_warnings, name_models
from llamapack.options import BuildOptions
from llamapack.packs.opening import is_pack
from llamapack.presets.exposure import exposures
from llamapack.reporter import Reporter
from llamapack.targets.table import target_named
from llamapack.text import plain, size_text
from llamapack.writing.packwriter import Bake, packed_size, write_pack
from llamapack.writing.sidecar import check_sidecar, sidecar_path, write_in_two
from llamapack.writing.source import Source
from llamapack_runtime.pack import EntrySum, Manifest, ModelInfo
from llamapack_runtime.pack.format import STATE_NAME


@dataclass(frozen=True, slots=True)
class BuildResult:
    """`state_bytes` is the size of the baked state, 0 without one. `sidecar` is the second file of
    a pack in two, `zip_file` the one that an app was put into."""

    path: Path
    sidecar: Path | None
    zip_file: Path | None
    name: str
    pack_id: str
    size_bytes: int
    model_bytes: int
    state_bytes: int
    duration_s: float
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """All that a pack is made of, looked at but not copied yet. `launcher` is what its archive
    begins with, nothing where the pack is an `app`. `sources` are its entries."""

    options: BuildOptions
    name: str
    models: tuple[PackModel, ...]
    image: Image
    launcher: Source
    sources: tuple[Source, ...]
    warnings: tuple[str, ...]
    adapters: tuple[PackAdapter, ...] = ()
    draft: PackDraft | None = None
    other_images: tuple[Image, ...] = ()
    app: App | None = None

    @property
    def model_bytes(self) -> int:
        return sum(one.gguf.size_bytes for one in self.models)


def plan_build(options: BuildOptions, get_image: Callable[[str], Image]) -> Plan:
    """Writes nothing. Raises LlamapackError for what could not be packed."""
    model = options.model.gguf
    name = options.name or model.title or plain(options.model.stem)
    models = name_models(options.model, name, options.further)
    adapters = read_adapters(models)
    draft = read_draft(options.draft, model)
    if options.system_prompt is not None and model.kind != "chat":
        raise SettingError(
            f"{model.name} does not chat, so that it has no use for a system prompt."
        )
    image = get_image(options.target)
    page = options.branding
    logo = None if page.logo is None else page.logo.read()
    drafts = () if draft is None else (draft,)
    for gguf in (*(one.gguf for one in models), *(one.found.gguf for one in drafts)):
        check_architecture(gguf, image.architectures, engine_text(image))
    warnings = [line for one in models for line in one.found.all_warnings]
    warnings += license_warnings(models, options.license_name)
    warnings += [line for one in drafts for line in one.warnings(model)]
    warnings += exposures(options.packed_settings)
    launcher = launcher_source(image, name, page.brand.author, logo)
    app = app_of(options.output, image, launcher, name, page.brand, logo)
    return Plan(
        options=options,
        name=name,
        models=tuple(models),
        image=image,
        launcher=launcher if app is None else NO_LAUNCHER,
        sources=(
            *_sources(models, image, options.projector, options.branding.logo),
            *(one.source for one in adapters),
            *(source for one in drafts for source in one.sources),
        ),
        warnings=tuple(dict.fromkeys(warnings)),
        adapters=adapters,
        draft=draft,
        app=app,
    )


def planned_size(plan: Plan) -> int:
    """The bytes of the pack but for a baked state, exactly."""
    archive = packed_size(plan.launcher, plan.sources, Unsealed(plan).manifest)
    return archive + (0 if plan.app is None else plan.app.size_bytes)


def needs_sidecar(plan: Plan, size_bytes: int) -> bool:
    """Whether the target's system would not start one file of that size."""
    limit = target_named(plan.options.target).max_program_bytes
    return limit is not None and size_bytes > limit


def _sidecar_note(plan: Plan, size_bytes: int) -> str:
    target, program = target_named(plan.options.target), plan.options.output
    return (
        f"The pack takes {size_text(size_bytes)}, and {target.title} starts no program of 4 GiB or "
        f"more: it becomes two files, {plain(program.name)} and "
        f"{plain(sidecar_path(program).name)}, which stay together in one folder under these names."
    )


def build(
    options: BuildOptions, get_image: Callable[[str], Image], reporter: Reporter
) -> BuildResult:
    """Make the pack that `options` asks for. Raises LlamapackError."""
    plan = plan_build(options, get_image)
    founds = [one.found for one in plan.models] + ([plan.draft.found] if plan.draft else [])
    for line in (line for found in founds for line in found.notes):
        reporter.note(line)
    for warning in plan.warnings:
        reporter.warn(warning)
    size = planned_size(plan)
    is_in_two = needs_sidecar(plan, size)
    if is_in_two:
        beside = sidecar_path(options.output)
        check_sidecar(options.output, may_replace=options.force or is_pack(beside))
        reporter.note(_sidecar_note(plan, size))
    started = time.monotonic()
    total = sum(source.size for source in (plan.launcher, *plan.sources))
    advance = reporter.start(f"Packing {options.model.gguf.name}", total)
    draft = Unsealed(plan)
    with contextlib.ExitStack() as resources:
        bake: Bake | None = None
        if options.bake:
            bake = resources.enter_context(baker(reporter.note))
            bake = bake if plan.app is None else started_as_app(plan.app, bake)

        def write(path: Path) -> int:
            return write_pack(path, plan.launcher, plan.sources, draft.manifest, advance, bake)

        if plan.app is not None:
            size = write_app(plan.app, write, lambda: draft.pack_id)
        elif is_in_two:
            size = write_in_two(options.output, plan.launcher, write)
        else:
            size = write(options.output)
    zip_file = None
    if options.has_zip and plan.app is not None:
        zip_file = write_zip(options.output, reporter.start("Writing the ZIP file", size))
    return BuildResult(
        path=options.output,
        sidecar=sidecar_path(options.output) if is_in_two else None,
        zip_file=zip_file,
        name=plan.name,
        pack_id=draft.pack_id,
        size_bytes=size,
        model_bytes=plan.model_bytes,
        state_bytes=draft.state_bytes,
        duration_s=time.monotonic() - started,
        warnings=plan.warnings,
    )


class Unsealed:
    """The manifest while the sums of the entries are still unknown."""

    def __init__(self, plan: Plan) -> None:
        self.pack_id = ""
        self.state_bytes = 0
        self._plan = plan

    def manifest(self, launcher: EntrySum, entries: Sequence[EntrySum]) -> bytes:
        sums = {entry.name: entry.sha256 for entry in entries}
        first, *others = [sums[model.entry] for model in self._plan.models]
        adapters = acting(self._plan.adapters, sums)
        settings = self._plan.options.answer_settings
        self.pack_id = pack_id(first, self._plan.name, settings, others, adapters)
        state = next((entry for entry in entries if entry.name == STATE_NAME), None)
        self.state_bytes = 0 if state is None else state.size
        image, app = self._plan.image, self._plan.app
        program = launcher if app is None else app.program
        return Manifest(
            pack_id=self.pack_id,
            name=self._plan.name,
            target=image.target,
            llamapack_version=version("llamapack"),
            model=self._main_info,
            runtime=runtime_info(image, runtime_entry(image.target), program),
            settings=self._plan.options.packed_settings,
            entries=tuple(entries),
            state=None if state is None else state.name,
            brand=self._plan.options.branding.brand,
            others=tuple(model.info for model in self._plan.models[1:]),
            runtimes=tuple(
                runtime_info(other, runtime_entry(other.target), None)
                for other in self._plan.other_images
            ),
        ).to_json()

    @property
    def _main_info(self) -> ModelInfo:
        info = self._plan.models[0].info
        eyes, draft = self._plan.options.projector, self._plan.draft
        return replace(
            info,
            license=self._plan.options.license_name or info.license,
            adapters=tuple(one.info for one in self._plan.adapters),
            projector=None if eyes is None else eyes.name,
            draft=None if draft is None else draft.entry,
        )


def pack_id(
    model_sha256: str,
    name: str,
    settings: Mapping[str, Any],
    others: Sequence[str] = (),
    adapters: Sequence[object] = (),
) -> str:
    """16 hex digits that stay the same for the same models, name and settings of answers: a user's
    chats stay when the packer only gives the page another look. `others`: the further models' sums,
    in their order; `adapters`: see `adapters.acting`."""
    parts = [model_sha256, name, dict(settings), *([list(others)] if others else [])]
    if adapters:
        parts.append({"adapters": list(adapters)})
    text = json.dumps(parts, sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _sources(models: Sequence[PackModel], image: Image, *further: Source | None) -> list[Source]:
    """The entries in their order: the models, the runtime, the licences, and what else there is."""
    return [
        *(model.source for model in models),
        *image_sources(image),
        *license_sources(models),
        *(one for one in further if one is not None),
    ]

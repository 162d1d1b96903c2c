"""`llamapack build --dry-run`: what would be packed, without writing anything."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from llamapack.build import Plan, needs_sidecar, plan_build, planned_size
from llamapack.image_entries import Image
from llamapack.mac.zipping import zip_bytes_at_most, zip_path
from llamapack.options import BuildOptions
from llamapack.packs.inspect import page_text, settings_text
from llamapack.progress import TerminalReporter
from llamapack.quantize import planned
from llamapack.targets.gpu import GpuParts
from llamapack.text import gpu_text, plain, size_text
from llamapack.writing.newfile import check_free_space
from llamapack.writing.sidecar import sidecar_path


def dry_run_text(
    wanted: Sequence[BuildOptions], quantize: str | None, gpu: GpuParts, as_json: bool
) -> str:
    """Of packs that differ in their targets. `quantize`: the type that the model would be made.
    Raises LlamapackError for what a build would refuse, ImageError also where there is no runtime
    image yet."""
    # The whole build of a runtime image: only when a model is there.
    from llamapack.image.gpu_parts import fitted_at_hand
    from llamapack.image.program import RuntimeProgram
    from llamapack.image.store import image_at_hand
    from llamapack.targets.host import host_target

    with TerminalReporter() as reporter:
        if quantize is not None:
            program = RuntimeProgram(image_at_hand(host_target()))
            first = wanted[0]
            smaller = planned(first.model, quantize, first.output, program, reporter)
            wanted = [replace(options, model=smaller) for options in wanted]

        larger: set[str] = set()

        def get_image(name: str) -> Image:
            usual = image_at_hand(name)
            image = fitted_at_hand(usual, gpu)
            if image.key != usual.key and image.archive == usual.archive:
                larger.add(name)
            return image

        plans = [plan_build(options, get_image) for options in wanted]
        for warning in plans[0].warnings:
            reporter.warn(warning)
    if as_json:
        facts = [plan_facts(plan, quantize, plan.options.target in larger) for plan in plans]
        return json.dumps(facts[0] if len(facts) == 1 else facts, indent=2)
    texts = (plan_lines(plan, quantize, plan.options.target in larger) for plan in plans)
    return "\n\n".join("\n".join(lines) for lines in texts)


def plan_facts(plan: Plan, quantize: str | None, is_at_most: bool) -> dict[str, Any]:
    """For JSON. `quantize` is what the model is made before, so that sizes are about right;
    `is_at_most`: the pack will be smaller, by a library that was not left out yet. OutputError when
    the disk has no room for it."""
    options, size = plan.options, planned_size(plan)
    zipped = zip_path(options.output) if options.has_zip and plan.app is not None else None
    check_free_space(options.output, size + (zip_bytes_at_most(size) if zipped else 0))
    beside = sidecar_path(options.output)
    return {
        "path": str(options.output.absolute()),
        "name": plan.name,
        "target": options.target,
        "size_bytes": size,
        "size_is_at_most": is_at_most,
        "model_bytes": plan.model_bytes,
        "quantize": quantize,
        "sidecar": str(beside.absolute()) if needs_sidecar(plan, size) else None,
        "zip": str(zipped.absolute()) if zipped else None,
        "replaces": options.output.exists(),
        "bakes": options.bake,
        "gpu": list(plan.image.gpu or ()),
        "entries": [{"name": source.name, "size": source.size} for source in plan.sources],
        "settings": dict(options.packed_settings),
        "brand": options.branding.brand.wishes,
        "warnings": list(plan.warnings),
    }


def plan_lines(plan: Plan, quantize: str | None, is_at_most: bool) -> Iterator[str]:
    """The same for people, without the warnings."""
    facts, options = plan_facts(plan, quantize, is_at_most), plan.options
    about = "" if quantize is None else f"about, once the model is {quantize}: "
    about += "at most " if is_at_most else ""
    size = size_text(facts["size_bytes"])
    extra = size_text(facts["size_bytes"] - plan.model_bytes)
    baked = ", and the system prompt's state" if options.bake else ""
    rows = {
        "Would make": f"{options.output}"
        + (", in place of the one that is there" if facts["replaces"] else ""),
        "With": facts["sidecar"] or facts["zip"] or "",
        "Name": plan.name,
        "Runs on": options.target,
        "GPU": gpu_text(plan.image.gpu),
        "Size": f"{about}{size} ({extra} beyond the model){baked}",
        "Settings": settings_text(options.packed_settings) or "none",
        "Page": page_text(options.branding.brand) or "as it is by itself",
    }
    for label, value in rows.items():
        if not value:
            continue
        yield f"{label + ':':<15}{plain(value)}"
    yield ""
    yield f"{'Size':>12}  Entry"
    for source in plan.sources:
        yield f"{size_text(source.size):>12}  {plain(source.name)}"
    yield "Nothing was written."

"""What `llamapack build` says of what it made."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from llamapack.build import BuildResult
from llamapack.mac.places import SIGN_SCRIPT
from llamapack.progress import style
from llamapack.shared import SharedResult
from llamapack.targets.table import target_named
from llamapack.text import plain, size_text, time_text


@dataclass(frozen=True, slots=True)
class Made:
    """`runs_here`: this computer can start it. `readme` is the page beside it, if one was asked
    for."""

    target: str
    result: BuildResult
    runs_here: bool
    readme: Path | None


def made_text(packs: Sequence[Made], as_json: bool) -> str:
    """As JSON an object for one pack, a list for several."""
    if not as_json:
        return "\n".join(_text(pack) for pack in packs)
    facts = [_facts(pack) for pack in packs]
    return json.dumps(facts[0] if len(facts) == 1 else facts, indent=2)


def shared_text(made: SharedResult, as_json: bool) -> str:
    """Of one folder for several systems."""
    if as_json:
        facts = {
            "path": str(made.folder.absolute()),
            "files": list(made.files),
            "name": made.name,
            "targets": list(made.targets),
            "pack_id": made.pack_id,
            "size_bytes": made.size_bytes,
            "model_bytes": made.model_bytes,
            "duration_s": round(made.duration_s, 3),
            "warnings": list(made.warnings),
        }
        return json.dumps(facts, indent=2)
    extra = size_text(made.size_bytes - made.model_bytes)
    titles = ", ".join(target_named(name).title for name in made.targets)
    return (
        f"{style('Made', 'green')} the folder {plain(str(made.folder))}: {plain(made.name)}, "
        f"{size_text(made.size_bytes)} ({extra} beyond the model), in "
        f"{time_text(made.duration_s)}.\n"
        f"In it: {', '.join(plain(name) for name in made.files)}. It is for {titles}; hand on the "
        "whole folder."
    )


def _facts(pack: Made) -> dict[str, object]:
    result = pack.result
    facts: dict[str, object] = {
        "path": str(result.path.absolute()),
        "name": result.name,
        "target": pack.target,
        "pack_id": result.pack_id,
        "size_bytes": result.size_bytes,
        "model_bytes": result.model_bytes,
        "state_bytes": result.state_bytes,
        "duration_s": round(result.duration_s, 3),
        "warnings": list(result.warnings),
    }
    for name, file in (("sidecar", result.sidecar), ("zip", result.zip_file)):
        if file is not None:
            facts[name] = str(file.absolute())
    return facts if pack.readme is None else facts | {"readme": str(pack.readme.absolute())}


def _text(pack: Made) -> str:
    result = pack.result
    extra = size_text(result.size_bytes - result.model_bytes)
    path = str(result.path)
    start = path if "/" in path else f"./{path}"
    made = (
        f"{style('Made', 'green')} {plain(path)}: {plain(result.name)}, "
        f"{size_text(result.size_bytes)} ({extra} beyond the model), "
        f"in {time_text(result.duration_s)}."
    )
    target = target_named(pack.target)
    opener = "open " if target.is_app else ""
    how = f"Start it with: {opener}{shlex.quote(plain(start))}"
    where = f"It is for {target.title}."
    lines = [made, how if pack.runs_here else where]
    if result.sidecar is not None:
        lines.append(f"Its second file, to be kept beside it: {plain(str(result.sidecar))}")
    if target.is_app:
        lines.append(
            "It names no maker, so macOS asks people before the first start. With a certificate, "
            f"on a Mac: sh {shlex.quote(plain(str(SIGN_SCRIPT)))} APP IDENTITY"
        )
    if result.zip_file is not None:
        lines.append(f"The same as one file, for sending: {plain(str(result.zip_file))}")
    if pack.readme is not None:
        lines.append(f"For whoever gets it: {plain(str(pack.readme))}")
    return "\n".join(lines)

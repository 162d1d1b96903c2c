"""`llamapack config`: other presets for a pack that is made already, written in place."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from llamapack.mac.about import renamed_info
from llamapack.mac.app import write_info
from llamapack.mac.places import app_with
from llamapack.packs.config_wishes import KEYS, LICENSE, PROMPT, QUIT, QUITS, read_wishes
from llamapack.packs.diff import Difference, differences
from llamapack.packs.editing import editing
from llamapack.packs.opening import open_pack
from llamapack.presets.reader import Preset
from llamapack_runtime.pack import Entry, EntrySum, Manifest
from llamapack_runtime.pack.format import (
    MANIFEST_NAME,
    SIGNATURE_NAME,
    STATE_NAME,
)

# What the state of the system prompt was computed with.
_STATE_DEPENDS_ON = (PROMPT, "chat-template", "cache-type-k", "cache-type-v", "flash-attn")


@dataclass(frozen=True, slots=True)
class ConfigResult:
    """`lost`: what the pack had and cannot keep with these presets. `left_out`: what the preset
    says that is for `llamapack build`."""

    path: Path
    changes: tuple[Difference, ...]
    size_bytes: int
    lost: tuple[str, ...]
    left_out: tuple[str, ...]


def configure(
    path: Path, pairs: Sequence[str], unset: Sequence[str], preset: Preset | None = None
) -> ConfigResult:
    """Set what a preset says, then presets by "NAME=VALUE", and put others back to what they are by
    themselves. Raises LlamapackError; the pack is then as it was."""
    wishes = read_wishes(pairs, unset, preset)
    with editing(path) as (pack, edit):
        before = pack.manifest
        changed, logo_file = wishes.applied(before)
        names = _dropped(before, changed)
        if before.brand.logo is not None and (logo_file or changed.brand.logo is None):
            names.add(before.brand.logo)
        kept = [entry for entry in pack.entries if entry.name not in names]
        lost = tuple(entry.name for entry in pack.entries if entry.name in names & _LOSSES)
        logo = [] if logo_file is None else [(logo_file.name, logo_file.read())]
        state = None if STATE_NAME in names else before.state
        after = replace(changed, entries=_sums(kept, logo), state=state)
        if after == before:
            return ConfigResult(path, (), pack.end, (), wishes.left_out)
        app = app_with(pack.path) if _shown(after) != _shown(before) else None
        info = None if app is None else renamed_info(app, *_shown(after))
        size = edit(kept, [*logo, (MANIFEST_NAME, after.to_json())])
        if app is not None and info is not None:
            write_info(app, info)
        with open_pack(path) as edited:
            found = tuple(one for one in differences(pack, edited))
    return ConfigResult(path, found, size, lost, wishes.left_out)


def presets_of(manifest: Manifest) -> tuple[dict[str, Any], dict[str, Any]]:
    """What `--set` can change and the pack has, as a preset has it: its keys but the logo's, which
    is a file, and the runtime's settings."""
    settings = dict(manifest.settings)
    keys = {field: key for key, field in KEYS.items()}
    flags = {"name": manifest.name, PROMPT: settings.pop(PROMPT, None)}
    wishes = manifest.brand.wishes.items()
    flags |= {keys[field]: value for field, value in wishes if field != "logo"}
    if manifest.model.license is not None:
        flags[LICENSE] = manifest.model.license
    quits = settings.get(QUIT)
    if quits in QUITS:
        flags[QUIT] = QUITS[settings.pop(QUIT)]
    return flags, settings


def _shown(manifest: Manifest) -> tuple[str, str | None]:
    """What Info.plist has of it, in an app."""
    return manifest.name, manifest.brand.author


_LOSSES = {STATE_NAME, SIGNATURE_NAME}


def _dropped(before: Manifest, after: Manifest) -> set[str]:
    """Names of entries that the pack must not keep."""
    names = {MANIFEST_NAME, SIGNATURE_NAME}
    if any(before.settings.get(key) != after.settings.get(key) for key in _STATE_DEPENDS_ON):
        names.add(STATE_NAME)
    return names


def _sums(kept: Iterable[Entry], logo: Iterable[tuple[str, bytes]]) -> tuple[EntrySum, ...]:
    def each() -> Iterator[EntrySum]:
        yield from (EntrySum(entry.name, entry.size, entry.sha256) for entry in kept)
        for name, data in logo:
            yield EntrySum(name, len(data), hashlib.sha256(data).hexdigest())

    return tuple(each())

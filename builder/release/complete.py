"""Refuses a runtime image that a release must not have: one that is missing, that is without the
graphics library of its target, or that needs a newer glibc or macOS than packs and wheels promise.

    python complete.py [TARGET ...]     all targets, unless some are named
"""

from __future__ import annotations

import sys

from llamapack.image.store import RuntimeImage, find_image, how_to_get
from llamapack.targets.linux import GLIBC_FLOOR
from llamapack.targets.macos import OLDEST_SYSTEM
from llamapack.targets.table import TARGETS, target_named
from llamapack.targets.types import Target


def complaints(target: Target, image: RuntimeImage | None) -> list[str]:
    if image is None:
        return [f"There is no runtime image for {target.name}. {how_to_get(target.name)}"]
    found = []
    if missing := sorted(set(target.gpu) - set(image.gpu or ())):
        found.append(f"The image for {target.name} was made without {', '.join(missing)}.")
    floors = (
        ("glibc", image.glibc_floor, GLIBC_FLOOR),
        ("macOS", image.macos_floor, OLDEST_SYSTEM),
    )
    for what, floor, promised in floors:
        if floor is not None and _numbers(floor) > _numbers(promised):
            found.append(f"The image for {target.name} needs {what} {floor}, not {promised}.")
    return found


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def main(names: list[str]) -> None:
    targets = [target_named(name) for name in names or TARGETS]
    found = [line for target in targets for line in complaints(target, find_image(target.name))]
    if found:
        raise SystemExit("\n".join(found))


if __name__ == "__main__":
    main(sys.argv[1:])

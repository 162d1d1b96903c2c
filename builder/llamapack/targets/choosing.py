"""Which targets a build makes packs for, and where it has their runtime images from."""

from __future__ import annotations

from collections.abc import Callable

from llamapack.errors import SettingError
from llamapack.image_entries import Image
from llamapack.targets.gpu import GpuParts
from llamapack.targets.host import host_name, host_target
from llamapack.targets.option import ALL
from llamapack.targets.table import TARGETS

Report = Callable[[str], None]


def chosen_targets(
    asked: tuple[str, ...] | None, report: Report, *, is_shared: bool = False
) -> tuple[str, ...]:
    """Those that were `asked` for, else this computer's. `all` leaves out what there is no image
    for, and what cannot be in a folder that `is_shared`, and says so. Raises ImageError when one
    that was named has none, SettingError when it cannot be there: before anything is written."""
    chosen = _with_images(asked, report)
    apps = [name for name in chosen if is_shared and TARGETS[name].is_app]
    if apps and asked != (ALL,):
        raise SettingError(
            f"A folder that is shared cannot be for {apps[0]}: macOS starts whole apps only, each "
            "with its models inside. Build one with --target alone."
        )
    for name in apps:
        report(f"Left out {name}: an app of macOS has its models inside.")
    return tuple(name for name in chosen if name not in apps)


def _with_images(asked: tuple[str, ...] | None, report: Report) -> tuple[str, ...]:
    # Imports the whole build of a runtime image: not for the usual build.
    if asked is None:
        return (host_target(),)
    from llamapack.image.store import find_image, how_to_get, image_at_hand

    if asked != (ALL,):
        for name in asked:
            if name != host_name():
                image_at_hand(name)
        return asked
    there = tuple(name for name in TARGETS if name == host_name() or find_image(name))
    for name in TARGETS:
        if name not in there:
            report(f"Left out {name}: there is no runtime image for it. {how_to_get(name)}")
    return there


def image_getter(report: Report, *, gpu: GpuParts) -> Callable[[str], Image]:
    """Gets the image of a target, with what `gpu` says for graphics processors. This
    computer's is made when it is missing; another one takes longer to make than a build should."""

    def get_image(name: str) -> Image:
        # As above: only when a model is fit to be packed.
        from llamapack.image.gpu_parts import fitted
        from llamapack.image.store import ensure_image, image_at_hand

        image = ensure_image(name, report) if name == host_name() else image_at_hand(name)
        return fitted(image, gpu, report)

    return get_image

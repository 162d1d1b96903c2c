"""Which targets a build makes packs for, and where it has their runtime images from."""

from __future__ import annotations

from collections.abc import Callable

from llamapack.errors import SettingError
from llamapack.image_entries import Image
from llamapack.targets.gpu import CUDA_TARGET, GpuParts, check_cuda_target
from llamapack.targets.host import host_name, host_target
from llamapack.targets.option import ALL
from llamapack.targets.table import TARGETS

Report = Callable[[str], None]


def chosen_targets(
    asked: tuple[str, ...] | None,
    report: Report,
    *,
    is_shared: bool = False,
    gpu: GpuParts = "auto",
) -> tuple[str, ...]:
    """Those that were `asked` for, else this computer's; `all` leaves out what there is no image
    for, what cannot be in a folder that `is_shared`, and what `gpu` is not for, and says so. Raises
    SettingError or TargetError for such a one that was named, ImageError when it has no image, and
    SettingError when nothing is left: before anything is written."""
    if asked == (ALL,):
        return _all_that_fit(report, is_shared=is_shared, gpu=gpu)
    names = asked or (host_target(),)
    for name in names:
        if is_shared and TARGETS[name].is_app:
            raise SettingError(
                f"A folder that is shared cannot be for {name}: macOS starts whole apps only, each "
                "with its models inside. Build one with --target alone."
            )
        if gpu == "cuda":
            check_cuda_target(name)
    others = [name for name in names if name != host_name()]
    if others:
        # Imports the whole build of a runtime image: not for the usual build.
        from llamapack.image.store import image_at_hand

        for name in others:
            image_at_hand(name)
    return names


def _all_that_fit(report: Report, *, is_shared: bool, gpu: GpuParts) -> tuple[str, ...]:
    from llamapack.image.store import find_image, how_to_get  # as above

    left = []
    for name, target in TARGETS.items():
        if is_shared and target.is_app:
            report(f"Left out {name}: an app of macOS has its models inside.")
        elif gpu == "cuda" and name != CUDA_TARGET:
            report(f"Left out {name}: CUDA is for {CUDA_TARGET} alone.")
        elif name != host_name() and find_image(name) is None:
            report(f"Left out {name}: there is no runtime image for it. {how_to_get(name)}")
        else:
            left.append(name)
    if not left:
        raise SettingError(
            "Nothing is left to build of --target all, as the lines above say; get a runtime image "
            "with 'llamapack runtime fetch TARGET', or name the targets."
        )
    return tuple(left)


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

"""A runtime image without its libraries for graphics processors, derived from the one with them:
nothing is compiled or frozen anew. Kept beside it, and removed with it."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path, PurePosixPath

from llamapack.image.archive import compress
from llamapack.image.derived import rewrite_tree
from llamapack.image.errors import ImageError
from llamapack.image.folders import fill_once
from llamapack.image.steps import Report, Stopwatch
from llamapack.image.store import ARCHIVE, RuntimeImage
from llamapack.image.vulkan import LICENSES, VERSIONED

_FOLDER = "without-gpu"


def without_gpu(image: RuntimeImage, report: Report) -> RuntimeImage:
    """The same bytes each time, under a key of its own. ImageError when the image is damaged."""
    if not image.gpu:
        return replace(image, gpu=())
    stems = _stems(image)

    def fill(work: Path) -> None:
        report("Making the runtime image without its GPU library, once, 20 to 60 s")
        watch = Stopwatch()
        _filter(image, stems, work)
        report(f"Made the runtime image without its GPU library in {watch.seconds:.0f} s")

    fill_once(image.folder / _FOLDER, fill)
    return planned_without_gpu(image)


def planned_without_gpu(image: RuntimeImage) -> RuntimeImage:
    """The same where it was made already; before, with the archive of `image`, which is larger."""
    if not image.gpu:
        return replace(image, gpu=())
    made = image.folder / _FOLDER
    return replace(
        image,
        key=hashlib.sha256(f"{image.key} without {_stems(image)}".encode()).hexdigest()[:16],
        archive=made / ARCHIVE if made.is_dir() else image.archive,
        versions={name: at for name, at in image.versions.items() if name != VERSIONED},
        licenses=tuple(path for path in image.licenses if path.name not in LICENSES),
        gpu=(),
    )


def _stems(image: RuntimeImage) -> tuple[str, ...]:
    return tuple(f"ggml-{name}" for name in image.gpu or ())


def _filter(image: RuntimeImage, stems: tuple[str, ...], work: Path) -> None:
    plain = work / "runtime.tar"
    left_out = rewrite_tree(image, plain, leaves_out=lambda name: _is_one(name, stems))
    if left_out != len(stems):
        raise ImageError(
            f"The runtime image {image.key} does not hold the GPU library that it says it holds. "
            "Remove it with 'llamapack runtime remove' and build it again."
        )
    compress(plain, work / ARCHIVE)


def _is_one(name: str, stems: tuple[str, ...]) -> bool:
    """With or without "lib" before it, and any ending."""
    return PurePosixPath(name).name.partition(".")[0].removeprefix("lib") in stems

"""A runtime image with CUDA, derived from the usual one: nothing is frozen anew. An image of its
own in the cache, which is only used where it is asked for: it is twenty times as large."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

from llamapack.image.archive import compress
from llamapack.image.cuda import CUDA, cuda_inputs, cuda_library, require_compilers
from llamapack.image.derived import rewrite_tree
from llamapack.image.errors import ImageError
from llamapack.image.folders import fill_once
from llamapack.image.sources import source_version
from llamapack.image.steps import Report, Stopwatch
from llamapack.image.store import (
    ARCHIVE,
    LAUNCHER,
    RuntimeImage,
    images_folder,
    list_images,
    load_image,
    made_image,
    write_facts,
)
from llamapack.image.wheel import native_wheel
from llamapack.targets.gpu import check_cuda_target
from llamapack.targets.host import host_name
from llamapack.targets.table import target_named

# NVIDIA's libraries are compressed inside: more effort takes ten minutes and saves little.
_LEVEL = 9
_ENGINE = "llama-cpp-python"


def with_cuda(image: RuntimeImage, report: Report) -> RuntimeImage:
    """As `find_with_cuda`, but made when it is missing. ImageError where that cannot be."""
    found = find_with_cuda(image)
    if found is not None:
        return found
    if image.target != host_name():
        raise no_image_with_cuda(image.target)
    key = _key(image)
    folder = images_folder() / f"{image.target}-{key}"
    return load_image(fill_once(folder, lambda work: _fill(image, key, work, report)))


def find_with_cuda(image: RuntimeImage) -> RuntimeImage | None:
    """The one that was made of `image`; where this computer makes none, the newest that was added
    from a file. TargetError where there is no CUDA for its target."""
    check_cuda_target(image.target)
    if image.target == host_name():
        return made_image(image.target, _key(image))
    of_target = (one for one in list_images() if one.target == image.target)
    return next((one for one in of_target if CUDA in (one.gpu or ())), None)


def no_image_with_cuda(target: str) -> ImageError:
    if target == host_name():
        how = "Make it with 'llamapack runtime build --cuda'."
    else:
        how = (
            "Make it on such a computer with 'llamapack runtime build --cuda -o FILE', and take it "
            "in with 'llamapack runtime add FILE'."
        )
    return ImageError(f"There is no runtime image with CUDA for {target} yet. {how}")


def _key(image: RuntimeImage) -> str:
    return hashlib.sha256(f"{image.key} with {cuda_inputs()}".encode()).hexdigest()[:16]


def _check_engine(image: RuntimeImage) -> None:
    """Of one that was added or shipped: the library is compiled for the sources at hand, and goes
    with no other version."""
    there, wanted = image.versions.get(_ENGINE), source_version(_ENGINE)
    if there != wanted:
        raise ImageError(
            f"The runtime image {image.key} has {_ENGINE} {there}, and CUDA would be compiled for "
            f"{wanted}; remove that image with 'llamapack runtime remove {image.key}' and make one "
            "with 'llamapack runtime build --cuda'."
        )


def _fill(image: RuntimeImage, key: str, work: Path, report: Report) -> None:
    _check_engine(image)
    require_compilers()
    target = target_named(image.target)
    cuda = cuda_library(target, native_wheel(target, report), report)
    report("Making the runtime image with CUDA, some ten seconds")
    watch = Stopwatch()
    plain = work / "runtime.tar"
    rewrite_tree(image, plain, libraries=cuda.libraries)
    compress(plain, work / ARCHIVE, _LEVEL)
    shutil.copy(image.launcher, work / LAUNCHER)
    (work / "licenses").mkdir()
    for path in (*image.licenses, *cuda.licenses):
        shutil.copyfile(path, work / "licenses" / path.name)
    facts = {
        "glibc_floor": image.glibc_floor,
        "versions": {**image.versions, **cuda.versions},
        "architectures": sorted(image.architectures),
        "gpu": [*(image.gpu or ()), CUDA],
    }
    write_facts(work, image.target, key, facts)
    report(f"Made the runtime image with CUDA in {watch.seconds:.0f} s")

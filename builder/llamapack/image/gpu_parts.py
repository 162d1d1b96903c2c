"""What of an image goes into a pack for graphics processors."""

from __future__ import annotations

from llamapack.image.cuda import CUDA
from llamapack.image.steps import Report
from llamapack.image.store import RuntimeImage
from llamapack.image.with_cuda import find_with_cuda, no_image_with_cuda, with_cuda
from llamapack.image.without_gpu import planned_without_gpu, without_gpu
from llamapack.targets.gpu import GpuParts


def fitted(image: RuntimeImage, parts: GpuParts, report: Report) -> RuntimeImage:
    """`image`, or what is derived from it, made when it is missing. ImageError."""
    if parts == "none":
        return without_gpu(image, report)
    return with_cuda(image, report) if parts == CUDA else image


def fitted_at_hand(image: RuntimeImage, parts: GpuParts) -> RuntimeImage:
    """The same, but makes none: what would only be smaller than `image` has its archive until it is
    made. ImageError when another one is missing."""
    if parts == "none":
        return planned_without_gpu(image)
    if parts != CUDA:
        return image
    found = find_with_cuda(image)
    if found is None:
        raise no_image_with_cuda(image.target)
    return found

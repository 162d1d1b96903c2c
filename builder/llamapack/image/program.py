"""The program in a runtime image, unpacked once beside it, for what packing needs of it: looking
into models, and quantizing them."""

from __future__ import annotations

import json
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import zstandard

from llamapack.child import ChildError, run_child
from llamapack.image.errors import ImageError
from llamapack.image.folders import fill_once
from llamapack.image.freeze import PROGRAM
from llamapack.image.steps import Report
from llamapack.image.store import RuntimeImage, ensure_image, find_image
from llamapack.image_entries import engine_text
from llamapack.targets.host import host_target

_FOLDER = "program"  # in the image's own, so that both are removed together


class RuntimeProgram:
    """Started anew for each piece of work. ChildError with the reason when that fails."""

    def __init__(self, image: RuntimeImage) -> None:
        self._image = image

    @property
    def architectures(self) -> frozenset[str]:
        return self._image.architectures

    @property
    def engine(self) -> str:
        return engine_text(self._image)

    def run(self, arguments: list[str | Path], on_line: Callable[[str], None]) -> None:
        """Hand over what it says, by lines."""
        command: list[str | Path] = [_program(self._image), *arguments]
        with tempfile.TemporaryDirectory(prefix="llamapack-", ignore_cleanup_errors=True) as name:
            run_child(command, "the runtime", Path(name), on_line)

    def ask(self, arguments: list[str | Path]) -> dict[str, Any]:
        """What it answers as JSON."""
        lines: list[str] = []
        self.run(arguments, lines.append)
        try:
            answer = json.loads("\n".join(lines))
        except ValueError as error:
            raise ChildError("the runtime gave no answer") from error
        if not isinstance(answer, dict):
            raise ChildError("the runtime gave another answer than was asked for")
        return answer


def program_at_hand() -> RuntimeProgram | None:
    """Of the image for this computer; None where there is none yet."""
    image = find_image(host_target())
    return None if image is None else RuntimeProgram(image)


def ensure_program(report: Report) -> RuntimeProgram:
    """The same, of an image that is made when it is missing. ImageError."""
    return RuntimeProgram(ensure_image(host_target(), report))


def _program(image: RuntimeImage) -> Path:
    """ImageError when this computer cannot start it."""
    if image.target != host_target():
        raise ImageError(
            f"The runtime for {image.target} cannot be started on this computer, which would need "
            f"one for {host_target()}."
        )
    return fill_once(image.folder / _FOLDER, lambda folder: _unpack(image, folder)) / PROGRAM


def _unpack(image: RuntimeImage, folder: Path) -> None:
    try:
        with (
            image.archive.open("rb") as file,
            zstandard.ZstdDecompressor().stream_reader(file) as plain,
            tarfile.open(fileobj=plain, mode="r|") as tar,
        ):
            # Python 3.11.3 and earlier have no filters.
            tar.extraction_filter = getattr(tarfile, "data_filter", lambda member, _: member)
            tar.extractall(folder)  # noqa: S202 - our own archive, whose sum was checked
    except (OSError, tarfile.TarError, zstandard.ZstdError) as error:
        raise ImageError(
            f"The runtime image {image.key} cannot be unpacked ({error}). "
            "Remove it with 'llamapack runtime remove' and build it again."
        ) from error

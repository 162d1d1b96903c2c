"""Writes a pack as an app of macOS. Knows nothing of what is in the archive."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from llamapack.errors import OutputError
from llamapack.image_entries import Image
from llamapack.mac.about import (
    PACKAGE_INFO_TEXT,
    icon_file,
    info_plist,
    odd_character,
)
from llamapack.mac.places import (
    ICON,
    INFO,
    PACKAGE_INFO,
    archive_in,
    archive_place,
    program_place,
    stem_of,
)
from llamapack.targets.macos import OLDEST_SYSTEM
from llamapack.targets.table import target_named
from llamapack.text import plain
from llamapack.writing.newfile import new_file
from llamapack.writing.newfolder import check_folder, new_folder
from llamapack.writing.packwriter import PACK_MODE, Bake
from llamapack.writing.source import Source, copy_source
from llamapack_runtime.pack import Brand, EntrySum

_FILE_MODE = 0o644
_NO_ID = "0" * 16
NO_LAUNCHER = Source("launcher", ())  # what the archive begins with


@dataclass(frozen=True, slots=True)
class App:
    """The app `folder` but for its archive. `machine` is Apple's word for the processor."""

    folder: Path
    launcher: Source
    name: str
    author: str | None
    logo: bytes | None
    machine: str
    oldest_system: str

    @property
    def stem(self) -> str:
        return stem_of(self.folder)

    @property
    def size_bytes(self) -> int:
        return sum(source.size for source in self.files(_NO_ID).values())

    @property
    def program(self) -> EntrySum:
        """What the manifest says of the launcher, which is not in the archive."""
        data = self.launcher.read()
        return EntrySum(self.launcher.name, len(data), hashlib.sha256(data).hexdigest())

    def files(self, pack_id: str) -> dict[str, Source]:
        """By their places in the folder."""
        info = info_plist(
            name=self.name,
            author=self.author,
            program=self.stem,
            pack_id=pack_id,
            version=version("llamapack"),
            machine=self.machine,
            oldest_system=self.oldest_system,
        )
        made = {INFO: info, PACKAGE_INFO: PACKAGE_INFO_TEXT, ICON: icon_file(self.logo)}
        sources = {place: Source(place, (data,)) for place, data in made.items()}
        return sources | {program_place(self.stem): self.launcher}


def app_of(
    folder: Path, image: Image, launcher: Source, name: str, brand: Brand, logo: bytes | None
) -> App | None:
    """None where the image is for a system without apps."""
    target = target_named(image.target)
    if not target.is_app:
        return None
    oldest = image.macos_floor or OLDEST_SYSTEM
    return App(folder, launcher, name, brand.author, logo, target.machine, oldest)


def check_app(folder: Path) -> None:
    """OutputError where the app cannot be made, or where something else has its name."""
    check_folder(folder)
    odd = odd_character(folder.name)
    if odd is not None:
        raise OutputError(
            f"An app cannot be called {plain(folder.name)}: its Info.plist can hold no "
            f"{_character_text(odd)}. Name another with --output."
        )
    if folder.is_dir() and archive_in(folder) is None:
        raise OutputError(
            f"{plain(str(folder))} is a folder that is no pack. Name another with --output."
        )


def _character_text(character: str) -> str:
    """Of a byte that is no text, Python makes half of a character."""
    if "\udc80" <= character <= "\udcff":
        return f"byte {ord(character) - 0xDC00:02X} that is no text"
    return f"character U+{ord(character):04X}"


def write_app(app: App, write: Callable[[Path], int], pack_id: Callable[[], str]) -> int:
    """The archive by `write`, which makes the file that it is given and returns its size, and then
    the rest, with the id that is known by then. An older app is replaced when all is there. Returns
    the bytes of all. OutputError."""
    with new_folder(app.folder) as work:
        archive = work / archive_place(app.stem)
        for part in (archive, work / program_place(app.stem)):
            part.parent.mkdir(parents=True)
        size = write(archive)
        archive.chmod(_FILE_MODE)
        for place, source in app.files(pack_id()).items():
            mode = PACK_MODE if source is app.launcher else _FILE_MODE
            with new_file(work / place, source.size, mode) as file:
                copy_source(source, file, 0, lambda _: None)
            size += source.size
    return size


def write_info(app: Path, data: bytes) -> None:
    """What macOS shows of it from then on, in one step. OutputError."""
    with new_file(app / INFO, len(data), _FILE_MODE) as file:
        file.write(data)


def started_as_app(app: App, bake: Bake) -> Bake:
    """`bake` for an archive that is not in its app yet: it is given a program that finds it."""

    def start(archive: Path) -> Source:
        with tempfile.TemporaryDirectory(prefix="llamapack-app-") as name:
            program = Path(name) / program_place(app.stem)
            beside = Path(name) / archive_place(app.stem)
            for place in (program, beside):
                place.parent.mkdir(parents=True)
            beside.symlink_to(archive.absolute())
            with new_file(program, app.launcher.size, PACK_MODE) as file:
                copy_source(app.launcher, file, 0, lambda _: None)
            return bake(program)

    return start

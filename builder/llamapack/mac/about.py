"""What macOS shows of a pack: its name, version and icon, and on what it starts.

Sources: Apple's "Information Property List", the icns format as `iconutil` writes it, and for the
characters that a list can hold "Extensible Markup Language 1.0", 2.2.
"""

from __future__ import annotations

import plistlib
import re
import struct
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from xml.parsers.expat import ExpatError

from llamapack.errors import PackFileError
from llamapack.image.project import icon_source
from llamapack.mac.places import ICON, INFO
from llamapack.text import plain

PROGRAM_KEY = "CFBundleExecutable"
_WORDS = ("CFBundleDisplayName", "CFBundleName", "NSHumanReadableCopyright")
PACKAGE_INFO_TEXT = b"APPL????"
_PNG = b"\x89PNG\r\n\x1a\n"
_HEADER = struct.Struct(">4sI")  # of the file, and of each picture in it: kind, length with this
# By pixels: what is shown at half of them on fine screens, or at all of them. The smallest kinds
# are left out, for which some versions of macOS take no PNG.
_KINDS = {32: b"ic11", 64: b"ic12", 128: b"ic07", 256: b"ic08", 512: b"ic09", 1024: b"ic10"}
_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def info_plist(
    *,
    name: str,
    author: str | None,
    program: str,
    pack_id: str,
    version: str,
    machine: str,
    oldest_system: str,
) -> bytes:
    """`program` is the file in Contents/MacOS, `machine` Apple's word for the processor. Of
    the other texts, what XML cannot hold is replaced."""
    numbers = version_numbers(version)
    facts: dict[str, object] = {
        "CFBundleDevelopmentRegion": "en",
        PROGRAM_KEY: program,
        "CFBundleIconFile": PurePosixPath(ICON).name,
        "CFBundleIdentifier": in_xml(f"llamapack.pack-{pack_id}"),
        "CFBundleInfoDictionaryVersion": "6.0",
        "CFBundlePackageType": "APPL",
        "CFBundleShortVersionString": numbers,
        "CFBundleVersion": numbers,
        "LSArchitecturePriority": [machine],
        "LSMinimumSystemVersion": oldest_system,
        # It has no windows and no menu: it is a page in the browser. Without this, its picture in
        # the Dock would hop and then be said not to answer.
        "LSUIElement": True,
        "NSHighResolutionCapable": True,
    }
    return plistlib.dumps(facts | _words(name, author), sort_keys=True)


def renamed_info(app: Path, name: str, author: str | None) -> bytes:
    """Its Info.plist for another name and author. PackFileError."""
    facts = {key: value for key, value in read_info(app).items() if key not in _WORDS}
    return plistlib.dumps(facts | _words(name, author), sort_keys=True)


def _words(name: str, author: str | None) -> dict[str, object]:
    texts = dict(zip(_WORDS, (name, name, author), strict=True))
    return {key: in_xml(text) for key, text in texts.items() if text}


def read_info(app: Path) -> dict[str, object]:
    """What the app tells macOS. PackFileError."""
    path = app / INFO
    try:
        found = plistlib.loads(path.read_bytes(), fmt=plistlib.FMT_XML)
    except OSError as error:
        raise PackFileError(f"Cannot read {plain(str(path))}: {error.strerror}.") from error
    except (ExpatError, ValueError, LookupError, AttributeError, TypeError):  # as plistlib does it
        found = None
    if not isinstance(found, dict):
        raise PackFileError(f"{plain(str(path))} is damaged. Get the app again, or build it anew.")
    return found


def in_xml(text: str) -> str:
    """The same but for what XML cannot hold."""
    return _NOT_IN_XML.sub("\N{REPLACEMENT CHARACTER}", text)


def odd_character(name: str) -> str | None:
    """The first one of a file's name that cannot be in Info.plist as it is."""
    return next((one for one in name if one < " " or _NOT_IN_XML.match(one)), None)


def version_numbers(version: str) -> str:
    """Three numbers, as macOS wants them: "0.1.0" of "0.1.0rc1"."""
    parts = ["".join(_leading_digits(part)) or "0" for part in version.split(".")[:3]]
    return ".".join([*parts, "0", "0"][:3])


def _leading_digits(part: str) -> list[str]:
    end = next((at for at, letter in enumerate(part) if not letter.isdecimal()), len(part))
    return list(part[:end])


def icon_file(logo: bytes | None) -> bytes:
    """A `logo` that is a PNG of a size that icons have becomes the icon; else it is ours."""
    pictures = [logo] if logo is not None and fits_as_icon(logo) else _own_pictures()
    parts = b"".join(
        _HEADER.pack(_KINDS[_pixels(data)], _HEADER.size + len(data)) + data for data in pictures
    )
    return _HEADER.pack(b"icns", _HEADER.size + len(parts)) + parts


def fits_as_icon(image: bytes) -> bool:
    return image.startswith(_PNG) and len(image) >= 24 and _pixels(image) in _KINDS


def _own_pictures() -> Sequence[bytes]:
    paths = sorted(icon_source().glob("*.png"), key=lambda path: int(path.stem))
    return [data for data in (path.read_bytes() for path in paths) if fits_as_icon(data)]


def _pixels(image: bytes) -> int:
    """Of each side; 0 where they differ."""
    width, height = struct.unpack_from(">II", image, 16)
    return int(width) if width == height else 0

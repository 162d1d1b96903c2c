"""What Windows shows of a pack: its icon in folders, its name and version in "Properties".

Also the program's manifest, which says to Windows that long paths and fine screens are known here.
Source of the layouts: Microsoft's VS_VERSIONINFO and the icon file format.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

from llamapack.image.project import icon_source
from llamapack.windows.resources import GROUP_ICON, ICON, MANIFEST, VERSION, Resource

_MOST_PIXELS = 256
_PNG = b"\x89PNG\r\n\x1a\n"
_FIXED_INFO = struct.Struct("<13I")
_FIXED_SIGNATURE, _FIXED_VERSION = 0xFEEF04BD, 0x00010000
_WINDOWS_NT, _IS_PROGRAM, _ALL_FLAGS = 0x40004, 1, 0x3F
_ENGLISH_UNICODE = (0x0409, 1200)
_MOST_NAME_CHARS = 200
_MANIFEST_TEXT = b"""\
<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<assembly xmlns="urn:schemas-microsoft-com:asm.v1" manifestVersion="1.0">
  <trustInfo xmlns="urn:schemas-microsoft-com:asm.v3"><security><requestedPrivileges>
    <requestedExecutionLevel level="asInvoker" uiAccess="false"/>
  </requestedPrivileges></security></trustInfo>
  <compatibility xmlns="urn:schemas-microsoft-com:compatibility.v1"><application>
    <supportedOS Id="{8e0f7a12-bfb3-4fe8-b9a5-48fd50a15a9a}"/>
  </application></compatibility>
  <application xmlns="urn:schemas-microsoft-com:asm.v3"><windowsSettings>
    <longPathAware xmlns="http://schemas.microsoft.com/SMI/2016/WindowsSettings">true</longPathAware>
    <dpiAware xmlns="http://schemas.microsoft.com/SMI/2005/WindowsSettings">true</dpiAware>
  </windowsSettings></application>
</assembly>
"""


def pack_resources(
    name: str, author: str | None, version: str, logo: bytes | None
) -> list[Resource]:
    """`version` is such as "0.1.0". A `logo` that is a PNG of at most 256 x 256 pixels becomes the
    icon; else it is ours."""
    icons = [logo] if logo is not None and fits_as_icon(logo) else _own_icons()
    return [
        *(Resource(ICON, number, data) for number, data in enumerate(icons, 1)),
        Resource(GROUP_ICON, 1, _icon_group(icons)),
        Resource(VERSION, 1, version_info(name, author, version)),
        Resource(MANIFEST, 1, _MANIFEST_TEXT),
    ]


def fits_as_icon(image: bytes) -> bool:
    if not image.startswith(_PNG) or len(image) < 24:
        return False
    return all(0 < pixels <= _MOST_PIXELS for pixels in _png_size(image))


def _own_icons() -> list[bytes]:
    paths = sorted(icon_source().glob("*.png"), key=lambda path: int(path.stem))
    return [path.read_bytes() for path in paths]


def _png_size(image: bytes) -> tuple[int, int]:
    width, height = struct.unpack_from(">II", image, 16)
    return width, height


def _icon_group(icons: Sequence[bytes]) -> bytes:
    out = struct.pack("<HHH", 0, 1, len(icons))
    for number, image in enumerate(icons, 1):
        width, height = (pixels % _MOST_PIXELS for pixels in _png_size(image))  # 0 means 256
        out += struct.pack("<BBBBHHIH", width, height, 0, 0, 1, 32, len(image), number)
    return out


def version_info(name: str, author: str | None, version: str) -> bytes:
    numbers = [int(part) if part.isdecimal() else 0 for part in version.split(".")]
    first, second, third, fourth = (min(part, 0xFFFF) for part in [*numbers, 0, 0, 0, 0][:4])
    packed = (first << 16 | second, third << 16 | fourth)
    fixed = _FIXED_INFO.pack(
        *(_FIXED_SIGNATURE, _FIXED_VERSION, *packed, *packed),
        *(_ALL_FLAGS, 0, _WINDOWS_NT, _IS_PROGRAM, 0, 0, 0),
    )
    shown = name[:_MOST_NAME_CHARS]
    texts = {"CompanyName": author or "", "FileDescription": shown, "ProductName": shown}
    texts |= {"FileVersion": version, "ProductVersion": version, "InternalName": "llamapack"}
    strings = [
        _node(key, _text(text), len(_text(text)) // 2) for key, text in texts.items() if text
    ]
    language = "".join(f"{part:04x}" for part in _ENGLISH_UNICODE)
    table = _node("StringFileInfo", b"", 0, [_node(language, b"", 0, strings)])
    pair = struct.pack("<HH", *_ENGLISH_UNICODE)
    known = _node("VarFileInfo", b"", 0, [_node("Translation", pair, len(pair), is_text=False)])
    return _node("VS_VERSION_INFO", fixed, len(fixed), [table, known], is_text=False)


def _text(text: str) -> bytes:
    return (text + "\0").encode("utf-16-le", "replace")


def _node(
    key: str,
    value: bytes,
    value_length: int,
    children: Sequence[bytes] = (),
    *,
    is_text: bool = True,
) -> bytes:
    """A length, the value's length, a kind, the key, the value, then what is inside it; each part
    starts at a multiple of four bytes."""
    body = _padded(struct.pack("<HH", value_length, is_text) + _text(key), 2) + value
    for child in children:
        body = _padded(body, 2) + child
    return struct.pack("<H", len(body) + 2) + body


def _padded(data: bytes, before: int) -> bytes:
    return data + bytes(-(before + len(data)) % 4)

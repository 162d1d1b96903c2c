"""`llamapack build --readme`: a page for whoever gets the pack, beside it: how to start it there,
what it is, and that nothing leaves the computer. English and Chinese; it loads nothing."""

from __future__ import annotations

import base64
import plistlib
import shlex
import string
from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path
from typing import Any

from llamapack.errors import OutputError
from llamapack.image.project import readme_source
from llamapack.mac.places import INFO, program_place, stem_of
from llamapack.mac.zipping import zip_path
from llamapack.packs.opening import open_pack
from llamapack.text import count_text, plain, size_text
from llamapack.writing.newfile import check_target, new_file
from llamapack_runtime.pack import Manifest, Pack

_MODE = 0o644
_MARK = b'<meta name="generator" content="llamapack">'
_MARK_WITHIN = 1024
_ACCENT = "#1f6f54"
_ENDINGS = {
    # What the pack does after a double-click: (English, Chinese).
    True: (
        "It ends by itself a little while after its page was closed, or with “Quit” on the page.",
        "关闭页面后不久它会自动结束，也可以在页面上点击“退出”。",  # noqa: RUF001 - Chinese
    ),
    False: (
        "It keeps running until you choose “Quit” on its page.",
        "在页面上点击“退出”之前，它会一直运行。",  # noqa: RUF001 - Chinese
    ),
}
_SYSTEMS = {
    # (English, Chinese).
    "linux": ("64-bit Linux", "64 位 Linux"),
    "windows": ("Windows 10 or newer", "Windows 10 或更新版本"),
    "macos": ("macOS {} or newer", "macOS {} 或更新版本"),
}
_PROCESSORS = {
    # By the ends of targets; (English, Chinese).
    "macos-arm64": ("an Apple chip", "Apple 芯片"),
    "macos-x86_64": ("an Intel processor", "Intel 处理器"),
    "x86_64": ("an Intel or AMD processor", "Intel 或 AMD 处理器"),
    "aarch64": ("a 64-bit ARM processor", "64 位 ARM 处理器"),
}
_LANGUAGES = ("en", "zh")
_LABELS = {
    # (English, Chinese).
    "author": ("Made by", "制作者"),
    "model": ("Model", "模型"),
    "size": ("Size", "大小"),
    "license": ("Licence of the model", "模型许可证"),
    "needs": ("Needs", "要求"),
    "about": ("More", "更多信息"),
}


def readme_path(pack: Path) -> Path:
    return pack.with_name(f"{pack.name}.readme.html")


def check_readme(pack: Path, force: bool) -> None:
    """OutputError when its place is taken by something that is not such a page."""
    path = readme_path(pack)
    check_target(path)
    if path.exists() and not force:
        with path.open("rb") as file:
            if _MARK not in file.read(_MARK_WITHIN):
                raise OutputError(
                    f"{plain(str(path))} exists and is no page of llamapack's. Move it away, or "
                    "replace it with --force."
                )


def write_readme(path: Path) -> Path:
    """Of the finished pack `path`. Raises OutputError."""
    with open_pack(path) as pack:
        data = readme_html(pack, path).encode()
    target = readme_path(path)
    with new_file(target, len(data), _MODE) as file:
        file.write(data)
    return target


def readme_html(pack: Pack, path: Path) -> str:
    """Of the `pack` whose file, or app, is `path`. Everything out of it is escaped: it is text,
    wherever it came from."""
    manifest = pack.manifest
    system = manifest.target.partition("-")[0]
    brand, file = manifest.brand, path.name if system == "macos" else pack.path.name
    size = size_text(pack.path.stat().st_size)
    accent = brand.color or _ACCENT
    ending = _ENDINGS[manifest.settings.get("quit-when-closed") != "off"]
    allow, start = _commands(system, path, file)
    texts = {
        "title": brand.title or manifest.name,
        "file": file,
        "size": size,
        "zip": zip_path(path).name,
        "command_allow": allow,
        "command_start": start,
        "ending_en": ending[0],
        "ending_zh": ending[1],
        "disclaimer": brand.disclaimer or "",
    }
    markup = {
        "accent": accent,
        "on_accent": _ink_on(accent),
        "logo": _logo(pack),
        "description": f"<p>{_text(brand.description)}</p>" if brand.description else "",
        "facts_en": _facts(manifest, size, path, 0),
        "facts_zh": _facts(manifest, size, path, 1),
    }
    shown = {name: _text(text) for name, text in texts.items()}
    steps = {f"steps_{code}": _filled(f"steps/{system}.{code}.html", shown) for code in _LANGUAGES}
    return _filled("page.html", shown | markup | steps) + "\n"


def _filled(name: str, markup: Mapping[str, str]) -> str:
    """A template with what it has places for."""
    text = (readme_source() / name).read_text(encoding="utf-8").removesuffix("\n")
    return string.Template(text).substitute(markup)


def _commands(system: str, path: Path, file: str) -> tuple[str, str]:
    """What allows the pack to be started, and what starts it, in a terminal there."""
    if system == "macos":
        app = f"/Applications/{path.name}"
        program = f"{app}/{program_place(stem_of(path))}"
        return f"xattr -dr com.apple.quarantine {shlex.quote(app)}", shlex.quote(program)
    quoted = f'.\\"{file}"' if system == "windows" else shlex.quote(f"./{file}")
    return f"chmod +x {quoted}", quoted


def _facts(manifest: Manifest, size: str, path: Path, language: int) -> str:
    """The rows of a list, in the language of that number."""
    model, brand = manifest.model, manifest.brand
    names = ", ".join(one.name for one in manifest.models)
    values: Mapping[str, Any] = {
        "author": brand.author,
        "model": f"{names} ({count_text(model.parameter_count)}, {model.quantization})",
        "size": size,
        "license": model.license or ("not stated", "未说明")[language],
        "needs": _needs(manifest, path)[language],
        "about": brand.about,
    }
    return "\n".join(_rows(values, language))


def _rows(values: Mapping[str, Any], language: int) -> Iterator[str]:
    for name, value in values.items():
        if value:
            label = _LABELS[name][language]
            yield f'<dt>{_text(label)}</dt><dd dir="auto">{_text(value)}</dd>'


def _needs(manifest: Manifest, path: Path) -> tuple[str, str]:
    floor = manifest.runtime.glibc_floor
    glibc = (f", glibc {floor} or newer", f"，glibc {floor} 或更新版本") if floor else ("", "")  # noqa: RUF001 - Chinese
    memory = size_text(sum(one.size for one in manifest.entries))
    english, chinese = _SYSTEMS[manifest.target.partition("-")[0]]
    if path.is_dir():
        oldest = plistlib.loads((path / INFO).read_bytes())["LSMinimumSystemVersion"]
        english, chinese = english.format(oldest), chinese.format(oldest)
    processor = next(one for end, one in _PROCESSORS.items() if manifest.target.endswith(end))
    return (
        f"{english} on {processor[0]}{glibc[0]}; more free memory than {memory}",
        f"{chinese}，{processor[1]}{glibc[1]}；可用内存多于 {memory}",  # noqa: RUF001 - Chinese
    )


def _logo(pack: Pack) -> str:
    logo = pack.logo()
    if logo is None:
        return ""
    data = base64.b64encode(logo.data).decode()
    return f'<img src="data:{logo.media_type};base64,{data}" alt="">'


def _text(text: str) -> str:
    """Lines stay lines."""
    return escape("\n".join(plain(line) for line in text.split("\n")))


def _ink_on(color: str) -> str:
    """Black or white, whichever is read more easily on "#rrggbb" (luminance as WCAG 2.2 has it)."""
    channels = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    on_white, on_black = 1.05 / (luminance + 0.05), (luminance + 0.05) / 0.05
    return "#ffffff" if on_white >= on_black else "#000000"

"""What a packer wants the chat page to look like and to say, checked before anything is written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llamapack.errors import SettingError
from llamapack.text import plain, size_text
from llamapack.writing.copying import FileState
from llamapack.writing.source import Source
from llamapack_runtime.pack import Brand, BrandError
from llamapack_runtime.pack.brand import PLAIN
from llamapack_runtime.pack.format import LOGO_STEM
from llamapack_runtime.pack.logo import LOGO_KINDS, MAX_LOGO_BYTES, SUFFIXES, image_type

# Where a field of Brand is called otherwise.
_FLAGS = {
    "prompts": "--prompt",
    "languages": "--language",
    "is_system_prompt_locked": "--lock-system-prompt",
}


@dataclass(frozen=True, slots=True)
class Branding:
    """`logo` is the file that becomes the entry which `brand` names."""

    brand: Brand = PLAIN
    logo: Source | None = None

    def __post_init__(self) -> None:
        named = None if self.logo is None else self.logo.name
        assert self.brand.logo == named, "the manifest names the logo that is packed"


NO_BRANDING = Branding()


def flag_of(field: str) -> str:
    return _FLAGS.get(field, f"--{field}")


def read_branding(
    wishes: Mapping[str, Any],
    logo: Path | None = None,
    name_of: Callable[[str], str] = flag_of,
) -> Branding:
    """`wishes` are fields of Brand but the logo; `name_of` gives what the packer calls one.
    SettingError that names it when it cannot be had."""
    packed = None if logo is None else _read_logo(logo, name_of("logo"))
    try:
        brand = Brand(logo=None if packed is None else packed.name, **wishes)
    except BrandError as error:
        raise SettingError(f"{name_of(error.field)} {plain(error.problem)}.") from error
    return Branding(brand, packed)


def _read_logo(path: Path, name: str) -> Source:
    shown = plain(str(path))
    try:
        if not path.is_file():
            raise SettingError(f"{name} must be an image file, which {shown} is not.")
        state = FileState.of(path)
        with path.open("rb") as file:
            data = file.read(MAX_LOGO_BYTES + 1)
    except OSError as error:
        raise SettingError(f"The logo {shown} cannot be read: {error.strerror}.") from error
    if len(data) > MAX_LOGO_BYTES:
        raise SettingError(
            f"The logo {shown} has {size_text(state.size)}, and at most "
            f"{MAX_LOGO_BYTES >> 10} KiB are possible; make a smaller one."
        )
    media_type = image_type(data)
    if media_type is None:
        raise SettingError(f"The logo {shown} is no {LOGO_KINDS} image.")
    return Source.of_file(LOGO_STEM + SUFFIXES[media_type], path, state)

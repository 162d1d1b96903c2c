"""What the user of `llamapack build` asked for, checked once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from llamapack.branding import NO_BRANDING, Branding
from llamapack.errors import OutputError, SettingError
from llamapack.inputs import Found
from llamapack.mac.app import check_app
from llamapack.models import FurtherModel, check_count
from llamapack.packs.opening import is_pack
from llamapack.presets.checking import checked_settings
from llamapack.targets.host import host_name
from llamapack.targets.table import target_named
from llamapack.text import plain
from llamapack.writing.newfile import check_target
from llamapack.writing.source import Source

MAX_NAME_CHARS = 200
MAX_PROMPT_BYTES = 1 << 20  # as the manifest holds it; the runtime takes no more either


@dataclass(frozen=True, slots=True)
class BuildOptions:
    """`name` None means: the name that the GGUF gives; `quits_when_closed` None: as the runtime
    does it; `license_name` None: what the GGUF says. `settings` are more of the runtime's, by name.
    `is_shared`: `output` is a folder for several targets; `has_zip`: an app is put into a ZIP file,
    too. Raises OutputError for a bad output, SettingError for a setting that the runtime would not
    take."""

    model: Found
    output: Path
    target: str
    name: str | None = None
    force: bool = False
    system_prompt: str | None = None
    bake: bool = False
    branding: Branding = NO_BRANDING
    quits_when_closed: bool | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    license_name: str | None = None
    further: tuple[FurtherModel, ...] = ()
    projector: Source | None = None
    draft: Found | None = None
    is_shared: bool = False
    has_zip: bool = False

    def __post_init__(self) -> None:
        assert "system-prompt" not in self.settings, "it has a field of its own"
        check_count(self.further)
        if self.system_prompt is not None:
            check_prompt(self.system_prompt)
        checked_settings(self.settings)
        if self.bake:
            _check_bake(self.target)
        drafts = () if self.draft is None else (self.draft,)
        models = (self.model, *(one.model for one in self.further), *drafts)
        files = [path for model in models for path in model.gguf.files]
        if self.is_shared:
            return  # the output is a folder, which is checked where it is made
        if self.output.exists() and any(map(self.output.samefile, files)):
            raise OutputError(
                f"{plain(str(self.output))} is the model itself; name another file with --output."
            )
        if target_named(self.target).is_app:
            check_app(self.output)
            return
        check_target(self.output)
        if self.output.exists() and not self.force and not is_pack(self.output):
            raise OutputError(
                f"{plain(str(self.output))} exists and is not a pack. "
                "Name another file with --output, or replace it with --force."
            )

    @property
    def packed_settings(self) -> Mapping[str, Any]:
        """What the manifest holds: flag names of the runtime without dashes."""
        wishes = {**checked_settings(self.settings), **self.answer_settings}
        if self.quits_when_closed is not None:
            wishes["quit-when-closed"] = "on" if self.quits_when_closed else "off"
        return wishes

    @property
    def answer_settings(self) -> Mapping[str, str]:
        """Those of them that make it another chat."""
        return {} if self.system_prompt is None else {"system-prompt": self.system_prompt}


def read_prompt(path: Path) -> str:
    """The text of a file, without the newline that editors put at its end. SettingError."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_PROMPT_BYTES + 2)
        text = data.decode("utf-8-sig")
    except OSError as error:
        reason = error.strerror or error
        raise SettingError(f"The file {plain(str(path))} cannot be read: {reason}.") from error
    except UnicodeDecodeError as error:
        raise SettingError(
            f"The file {plain(str(path))} is not UTF-8 text; save it as UTF-8 for the prompt."
        ) from error
    return text.replace("\r\n", "\n").removesuffix("\n")


def default_output(model: Found) -> Path:
    """In the current folder, the model's name."""
    is_taken = any(path.name == model.stem for path in model.gguf.files)
    return Path(model.stem + ".pack" if is_taken else model.stem)


def check_prompt(text: str) -> None:
    """SettingError for a system prompt that the runtime would not take."""
    if not text or "\0" in text:
        raise SettingError("The system prompt is empty or holds a zero character.")
    try:
        size = len(json.dumps(text, ensure_ascii=False).encode())
    except UnicodeEncodeError as error:
        raise SettingError("The system prompt is not UTF-8 text.") from error
    if size > MAX_PROMPT_BYTES:
        raise SettingError(
            f"The system prompt takes more than the {MAX_PROMPT_BYTES:,} bytes that a pack has for "
            "it; shorten it."
        )


def _check_bake(target: str) -> None:
    """The pack is started to read its prompt."""
    here = host_name()
    if target != here:
        raise SettingError(
            f"A pack for {target} cannot be started on this computer ({here}) to read its prompt; "
            "leave out --bake, and its first start will do it."
        )

"""What `llamapack config` is asked to change: a preset and pairs such as "temp=0.5", checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from llamapack.branding import flag_of, read_branding
from llamapack.errors import SettingError
from llamapack.options import MAX_NAME_CHARS, check_prompt, read_prompt
from llamapack.presets.checking import (
    checked_settings,
    find_option,
    near_miss,
    settings_from_flags,
)
from llamapack.presets.fields import FOR_BUILDING
from llamapack.presets.reader import Preset
from llamapack.text import plain
from llamapack.writing.source import Source
from llamapack_runtime.pack import Brand, Manifest

# What the page shows, by the names that `build` has for it; each is a field of Brand.
_PAGE = {flag_of(field.name).removeprefix("--"): field.name for field in fields(Brand)}
NAME, PROMPT = "name", "system-prompt"
_PROMPTS = (PROMPT, "system-prompt-file")
LICENSE, QUIT = "license", "quit-when-closed"
# Those that are given again for each of several.
_LISTS = {"prompt": "prompts", "language": "languages"}
# The same by the keys of a preset.
KEYS = {_LISTS.get(key, key): field for key, field in _PAGE.items()}
_OURS = (*_PAGE, NAME, LICENSE, *_PROMPTS)
QUITS = {"on": True, "off": False}
_SWITCHES = {"on": True, "true": True, "1": True, "off": False, "false": False, "0": False}


@dataclass(frozen=True, slots=True)
class Wishes:
    """`page` holds fields of Brand; `logo` is a file, `license` that of the model a chat begins
    with. None in `settings` and `page` takes one away. `left_out`: keys of the preset that
    are for `llamapack build`."""

    name: str | None
    license: str | None
    settings: Mapping[str, Any]
    page: Mapping[str, Any]
    logo: Path | None
    drops_logo: bool
    left_out: tuple[str, ...] = ()

    def applied(self, manifest: Manifest) -> tuple[Manifest, Source | None]:
        merged = {**manifest.settings, **self.settings}
        settings = checked_settings({k: v for k, v in merged.items() if v is not None})
        if PROMPT in settings:
            check_prompt(str(settings[PROMPT]))
        brand, logo = self._branded(manifest.brand)
        if brand.is_system_prompt_locked and PROMPT not in settings:
            raise SettingError("There is no system prompt to lock; set system-prompt, too.")
        name = self.name or manifest.name
        model = replace(manifest.model, license=self.license or manifest.model.license)
        changed = replace(manifest, name=name, model=model, settings=settings, brand=brand)
        return changed, logo

    def _branded(self, before: Brand) -> tuple[Brand, Source | None]:
        """And the file of a new logo."""
        usual = {field.name: field.default for field in fields(Brand) if field.name != "logo"}
        page = {key: getattr(before, key) for key in usual}
        page |= {key: usual[key] if value is None else value for key, value in self.page.items()}
        made = read_branding(page, self.logo)
        keeps_logo = self.logo is None and not self.drops_logo
        return replace(made.brand, logo=before.logo) if keeps_logo else made.brand, made.logo


def read_wishes(pairs: Sequence[str], unset: Sequence[str], preset: Preset | None) -> Wishes:
    flags = {} if preset is None else dict(preset.flags)
    settings: dict[str, Any] = {} if preset is None else dict(preset.settings)
    left_out = tuple(key for key in FOR_BUILDING if flags.get(key))
    page = {KEYS[key]: flags[key] for key in KEYS.keys() & flags.keys() if key != "logo"}
    if PROMPT in flags:
        settings[PROMPT] = flags[PROMPT]
    if QUIT in flags:
        settings[QUIT] = "on" if flags[QUIT] else "off"
    lines = {key: flags.get(key) for key in (NAME, LICENSE)}
    logo = flags.get("logo")
    lists: dict[str, tuple[str, ...]] = {}
    of_runtime = []
    for pair in pairs:
        key, text = _split(pair)
        if key in lines:
            lines[key] = _line(key, text)
        elif key == "logo":
            logo = Path(text)
        elif key in _LISTS:
            lists[_LISTS[key]] = (*lists.get(_LISTS[key], ()), text)
        elif key in _PAGE:
            page[_PAGE[key]] = _switch(key, text) if key.startswith("lock-") else text
        elif key in _PROMPTS:
            settings[PROMPT] = text if key == PROMPT else read_prompt(Path(text))
        else:
            _check_known(key)
            of_runtime.append(pair)
    page |= lists
    settings |= settings_from_flags(of_runtime)
    for key in unset:
        _put_away(key, page, settings)
    drops_logo = page.pop("logo", "") is None
    return Wishes(lines[NAME], lines[LICENSE], settings, page, logo, drops_logo, left_out)


def _split(pair: str) -> tuple[str, str]:
    key, sign, text = pair.partition("=")
    bare = key.strip().lstrip("-").replace("_", "-")
    if not sign and bare in _OURS:
        raise SettingError(f"--set {bare} needs a value: --set {bare}=VALUE.")
    return bare, text


def _switch(key: str, text: str) -> bool:
    if text.lower() not in _SWITCHES:
        raise SettingError(f"--set {key} must be on or off, not '{plain(text)[:80]}'.")
    return _SWITCHES[text.lower()]


def _put_away(key: str, page: dict[str, Any], settings: dict[str, Any]) -> None:
    bare = key.strip().lstrip("-").replace("_", "-")
    if bare in _PAGE:
        page[_PAGE[bare]] = None
    elif bare in (NAME, LICENSE):
        raise SettingError(f"A pack keeps a {bare}; give it another with --set {bare}=TEXT.")
    else:
        _check_known(bare)
        settings[find_option(bare, "--unset").name] = None


def _check_known(bare: str) -> None:
    """Of what is none of the page's: a setting of the runtime, or a near miss of either."""
    try:
        find_option(bare)
    except SettingError as error:
        near = near_miss(bare, _OURS)
        if near and "Did you mean" not in str(error):
            raise SettingError(f"{error}{near}") from error
        raise


def _line(key: str, text: str) -> str:
    line = text.strip()
    if not (line and line.isprintable() and len(line) <= MAX_NAME_CHARS):
        raise SettingError(f"--set {key} must be one line of 1 to {MAX_NAME_CHARS} characters.")
    return line

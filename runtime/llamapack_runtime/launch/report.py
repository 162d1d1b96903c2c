"""The report that somebody sends along when the program does not do what it should: what it is, on
what it runs, and how far it came. Works in every state. Holds no chats, keys, prompts or names."""

from __future__ import annotations

import getpass
import os
import platform
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from llamapack_runtime.api.service import LoadFailed, Loading, Service, State
from llamapack_runtime.hardware.cpus import cpu_name, usable_cpus
from llamapack_runtime.hardware.gpus import gpu_names
from llamapack_runtime.hardware.memory import available_memory
from llamapack_runtime.launch.facts import (
    Facts,
    about_facts,
    as_text,
    gpu_facts,
    hardware_facts,
    plan_facts,
)
from llamapack_runtime.launch.masking import Mask
from llamapack_runtime.launch.preparing import Preparation
from llamapack_runtime.launch.recent_log import RecentLog
from llamapack_runtime.launch.source import python_version
from llamapack_runtime.options import OPTIONS
from llamapack_runtime.settings import Settings

# Of these settings only the length is told: texts of the packer or the user.
_TEXTS = ("system_prompt", "chat_template", "chat_template_kwargs", "opening_messages")
_KEYS = ("api_key",)


@dataclass(frozen=True, slots=True)
class Report:
    """`prepared` is what was decided about this computer, once it was; `places` are the files and
    folders of this start. The process began at `started_s` of the monotonic clock."""

    service: Service
    settings: Settings
    places: Facts
    log: RecentLog
    mask: Mask
    prepared: Preparation | None
    started_s: float

    def text(self) -> str:
        """Blocking, for some milliseconds."""
        service, prepared = self.service, self.prepared
        facts: dict[str, object] = {
            "state": {**_state(service.state), "damage": list(service.notes)},
            "seconds since the start": self._times(),
            "pack": service.about.pack_id,
            **about_facts(service.about, python_version()),
            "places": self.places,
            "settings": differences(self.settings) or "all as usual",
            "system": _told(_system),
            "cpu": {**_told(_cpu), **(hardware_facts(prepared.choice) if prepared else {})},
            "gpu": {**_told(_gpu), **(_used_gpu(prepared) if prepared else {})},
            "memory": {**_told(_memory), **(plan_facts(prepared.plan) if prepared else {})},
        }
        lines = ["llamapack report", "", as_text(self.mask.facts(facts)), "log:"]
        lines += [f"  {self.mask.text(line)}" for line in self.log.lines or ["nothing"]]
        return "\n".join(lines) + "\n"

    def _times(self) -> Facts:
        """When each stage began."""
        ends = {**self.service.began_s, "now": time.monotonic()}
        return {name: f"{at_s - self.started_s:.2f}" for name, at_s in ends.items()}


def mask_for(environment: Mapping[str, str], secrets: Iterable[str]) -> Mask:
    home = environment.get("USERPROFILE" if sys.platform == "win32" else "HOME", "")
    real = os.path.realpath(home) if home else ""
    try:
        user = getpass.getuser()
    except (OSError, KeyError):  # a number that has no name
        user = ""
    return Mask((home, real), user, tuple(secrets))


def differences(settings: Settings) -> dict[str, str]:
    """The settings that are not the usual ones; of texts the length, of keys the number."""
    usual = Settings()
    found = {}
    for option in OPTIONS:
        value = getattr(settings, option.field)
        if value == getattr(usual, option.field):
            continue
        if option.field in _KEYS:
            value = f"{len(value)} of them"
        elif option.field in _TEXTS:
            value = f"{len(value):,} characters"
        found[f"--{option.name}"] = ", ".join(value) if isinstance(value, tuple) else str(value)
    return found


def _state(state: State) -> Facts:
    if isinstance(state, Loading):
        return {"now": f"loading: {state.stage}", "progress": f"{state.progress:.0%}"}
    if isinstance(state, LoadFailed):
        return {"now": "failed", "kind": state.code, "why": state.sentence}
    return {"now": "ready", "notes": list(state.notes)}


def _told(ask: Callable[[], Facts]) -> Facts:
    """What the system does not tell is left out: no report would be worse."""
    try:
        return ask()
    except (OSError, ValueError, RuntimeError) as error:
        return {"unknown because of": type(error).__name__}


def _system() -> Facts:
    return {"name": _system_name(), "kernel": platform.release(), "machine": platform.machine()}


def _system_name() -> str:
    try:
        return platform.freedesktop_os_release().get("PRETTY_NAME", "Linux")
    except OSError:
        return platform.platform()


def _cpu() -> Facts:
    limits = usable_cpus()
    return {
        "name": cpu_name(),
        "usable": limits.logical,
        "cores": limits.physical,
        "fast_cores": limits.performance or limits.physical,
        "quota": "none" if limits.quota is None else limits.quota,
    }


def _gpu() -> Facts:
    names = gpu_names()
    return {"there": "unknown" if names is None else ", ".join(names) or "none"}


def _used_gpu(prepared: Preparation) -> Facts:
    return gpu_facts(prepared.gpu, prepared.plan)


def _memory() -> Facts:
    limits = available_memory()
    return {
        "total_bytes": limits.total_bytes,
        "available_bytes": limits.available_bytes,
        "limited_by": limits.limited_by,
    }

"""The targets by name."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from llamapack.errors import TargetError
from llamapack.targets.linux import LINUX_AARCH64, LINUX_X86_64
from llamapack.targets.macos import MACOS_ARM64, MACOS_X86_64
from llamapack.targets.types import Target
from llamapack.targets.windows import WINDOWS_X86_64

_ALL = (LINUX_X86_64, LINUX_AARCH64, WINDOWS_X86_64, MACOS_ARM64, MACOS_X86_64)
TARGETS: Mapping[str, Target] = MappingProxyType({target.name: target for target in _ALL})


def target_named(name: str) -> Target:
    """Raises TargetError for a name that is not in the table."""
    if name not in TARGETS:
        raise TargetError(f"There is no target '{name}'. Known: {', '.join(TARGETS)}.")
    return TARGETS[name]

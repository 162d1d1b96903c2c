"""Which graphics processors a computer has, as its system knows them: no driver is loaded here."""

from __future__ import annotations

import contextlib
import os
import platform
import sys
from collections.abc import Iterator
from pathlib import Path

_ROOT = Path("/")
_DISPLAY_CLASS = "0x03"  # of PCI: VGA, 3D and other display controllers
# They tell Vulkan's loader which drivers there are, and ggml which devices it shall see and how it
# shall use them.
_VARIABLES = (
    *("VK_ICD_FILENAMES", "VK_DRIVER_FILES", "GGML_VK_VISIBLE_DEVICES"),
    *("GGML_METAL_DEVICES", "GGML_METAL_NO_RESIDENCY", "GGML_METAL_SHARED_BUFFERS_DISABLE"),
)
# Files that come, go and change with a driver, with the loader, and with the right to use a device.
_DRIVER_FILES = (
    "usr/share/vulkan/icd.d/*.json",
    "usr/local/share/vulkan/icd.d/*.json",
    "etc/vulkan/icd.d/*.json",
    "usr/lib/*/libvulkan.so.1",
    "usr/lib*/libvulkan.so.1",
    "proc/driver/nvidia/version",
    "dev/nvidia[0-9]",
    "dev/dri/renderD*",
)


def gpu_names(root: Path = _ROOT) -> tuple[str, ...] | None:
    """Such as "NVIDIA GeForce RTX 3060" or "PCI 8086:9a49 (i915)"; None where the system is not
    asked."""
    if sys.platform == "win32" and root == _ROOT:
        return tuple(name for name, _ in _adapters())
    if sys.platform != "linux" and root == _ROOT:
        return None
    drivers = root / "proc/driver/nvidia/gpus"
    named = [_model(path) for path in sorted(drivers.glob("*/information"))]
    devices = sorted((root / "sys/bus/pci/devices").glob("*/class"))
    others = [_device(path.parent) for path in devices if _read(path).startswith(_DISPLAY_CLASS)]
    return (
        *filter(None, named),
        *(one for one in others if not (named and one.endswith("(nvidia)"))),
    )


def gpu_identity(root: Path = _ROOT) -> tuple[str, ...]:
    """It changes with the graphics processors and their drivers, as far as that shows in
    milliseconds."""
    drivers = [text for pattern in _DRIVER_FILES for text in _stamps(root, pattern)]
    if sys.platform == "win32":
        drivers = [" ".join(adapter) for adapter in _adapters()]
    wishes = [f"{name}={os.environ[name]}" for name in _VARIABLES if name in os.environ]
    return (platform.release(), *(gpu_names(root) or ()), *drivers, *wishes)


def _stamps(root: Path, pattern: str) -> Iterator[str]:
    for path in sorted(root.glob(pattern)):
        with contextlib.suppress(OSError):
            stat = path.stat()
            # What the system makes up at each start has the time of the start.
            stamp = _read(path) if "proc" in path.parts else f"{stat.st_size} {stat.st_mtime_ns}"
            if "dev" in path.parts:
                stamp = str(os.access(path, os.R_OK | os.W_OK))
            yield f"{path} {stamp}"


if sys.platform == "win32":
    import winreg

    # The class of display adapters.
    _CLASS = r"SYSTEM\CurrentControlSet\Control\Class\{4d36e968-e325-11ce-bfc1-08002be10318}"

    def _adapters() -> list[tuple[str, str]]:
        """Name and version of the driver."""
        found = []
        with contextlib.suppress(OSError), winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, _CLASS) as top:
            for index in range(winreg.QueryInfoKey(top)[0]):
                # Some keys there are closed to us, and some are no adapters.
                with contextlib.suppress(OSError):
                    found.append(_adapter(top, winreg.EnumKey(top, index)))
        return found

    def _adapter(top: winreg.HKEYType, name: str) -> tuple[str, str]:
        with winreg.OpenKey(top, name) as key:
            values = (winreg.QueryValueEx(key, one)[0] for one in ("DriverDesc", "DriverVersion"))
            title, version = map(str, values)
            return title, version

else:

    def _adapters() -> list[tuple[str, str]]:
        return []


def _model(information: Path) -> str:
    """Of lines such as "Model:   NVIDIA H200"."""
    pairs = (line.partition(":") for line in _read(information).splitlines())
    return next((value.strip() for name, _, value in pairs if name == "Model"), "")


def _device(folder: Path) -> str:
    numbers = (_read(folder / name).removeprefix("0x") for name in ("vendor", "device"))
    driver = (folder / "driver").resolve().name if (folder / "driver").exists() else "no driver"
    return f"PCI {':'.join(numbers)} ({driver})"


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""

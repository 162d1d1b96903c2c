"""Which graphics processors a computer has. Only for telling: nothing here computes on one."""

from __future__ import annotations

import sys
from pathlib import Path

_ROOT = Path("/")
_DISPLAY_CLASS = "0x03"  # of PCI: VGA, 3D and other display controllers


def gpu_names(root: Path = _ROOT) -> tuple[str, ...] | None:
    """Such as "NVIDIA GeForce RTX 3060" or "PCI 8086:9a49 (i915)"; None where the system is not
    asked."""
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

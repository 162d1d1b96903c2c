"""Graphics processors are named as the system knows them."""

from __future__ import annotations

from pathlib import Path

from llamapack_runtime.hardware.gpus import gpu_names


def add_device(root: Path, place: str, kind: str, numbers: tuple[str, str], driver: str) -> None:
    folder = root / "sys/bus/pci/devices" / place
    folder.mkdir(parents=True)
    (folder / "class").write_text(f"{kind}\n")
    (folder / "vendor").write_text(f"0x{numbers[0]}\n")
    (folder / "device").write_text(f"0x{numbers[1]}\n")
    if driver:
        (root / driver).mkdir()
        (folder / "driver").symlink_to(root / driver)


def test_display_controllers_are_listed_with_their_drivers(tmp_path: Path) -> None:
    add_device(tmp_path, "0000:00:02.0", "0x030000", ("8086", "9a49"), "i915")
    add_device(tmp_path, "0000:00:1f.3", "0x040300", ("8086", "a0c8"), "snd")
    add_device(tmp_path, "0000:01:00.0", "0x030200", ("1002", "744c"), "")
    assert gpu_names(tmp_path) == ("PCI 8086:9a49 (i915)", "PCI 1002:744c (no driver)")


def test_nvidia_tells_the_model(tmp_path: Path) -> None:
    add_device(tmp_path, "0000:01:00.0", "0x030200", ("10de", "2335"), "nvidia")
    add_device(tmp_path, "0000:02:00.0", "0x030000", ("1a03", "2000"), "ast")
    facts = tmp_path / "proc/driver/nvidia/gpus/0000:01:00.0/information"
    facts.parent.mkdir(parents=True)
    facts.write_text("Model: \t\t NVIDIA H200\nIRQ:   \t\t 17\n")
    assert gpu_names(tmp_path) == ("NVIDIA H200", "PCI 1a03:2000 (ast)")


def test_there_may_be_none(tmp_path: Path) -> None:
    assert gpu_names(tmp_path) == ()

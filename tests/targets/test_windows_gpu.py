"""Vulkan in a Windows pack, under Wine, whose Vulkan is that of Linux below it: a software device,
none at all, and libraries that misbehave. What real cards do nobody can test without one."""

from __future__ import annotations

import shutil
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pefile
import pytest

import needs
from llamapack.image.wheel import native_wheel
from llamapack.image.wine import windows_path
from llamapack.targets.table import target_named
from runtime.hardware.fake_gpus import compile_fake_gpu
from wine_pack import Computer, wait_until, with_screen

pytestmark = [pytest.mark.slow, needs.WINDOWS_PACK, pytest.mark.usefixtures("nothing_runs")]

MEMORY = "gpu-*.json"
SOFTWARE_DRIVER = "/usr/share/vulkan/icd.d/lvp_icd.x86_64.json"
PROGRAM, LIBRARY = "llamapack-runtime.exe", "_internal/llama_cpp/lib/ggml-vulkan.dll"
BASE = "libggml-base.dll.a"
# A text without choices that are nearly as good: each way of computing rounds differently.
COUNTING = {"prompt": "1, 2, 3, 4, 5, 6, 7, 8,", "max_tokens": 16, "temperature": 0}
MOST_S = 10.0


@pytest.fixture(autouse=True)
def nothing_is_remembered(computer: Computer) -> None:
    """Wine keeps from its programs which drivers Linux has, so a change would not be noticed."""
    for path in computer.user_folder.rglob(MEMORY):
        path.unlink()


@pytest.fixture
def seen(computer: Computer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Computer]:
    monkeypatch.setenv("VK_ICD_FILENAMES", SOFTWARE_DRIVER)
    with with_screen(computer) as made:
        yield made
        made.wine.end()


@pytest.fixture
def tree(computer: Computer, pack: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the unpacked runtime, for the launcher mends its own; it takes the pack itself."""
    computer.facts(pack, "--gpu", "off")
    (program,) = computer.user_folder.rglob(PROGRAM)
    monkeypatch.setenv("LLAMAPACK_PACK", windows_path(pack))
    return shutil.copytree(program.parent, tmp_path / "runtime")


def test_the_library_meets_the_others_through_c_functions_alone(tree: Path) -> None:
    with pefile.PE(str(tree / LIBRARY)) as parsed:
        given = [one.name.decode() for one in parsed.DIRECTORY_ENTRY_EXPORT.symbols]
        taken = {one.dll.decode(): one.imports for one in parsed.DIRECTORY_ENTRY_IMPORT}
    assert "ggml_backend_init" in given
    assert [name for name in given if not name.startswith("ggml_backend_")] == []
    own = {name for name in taken if not name.startswith("api-ms-win-crt-")}
    assert own == {"ggml-base.dll", "vulkan-1.dll", "KERNEL32.dll"}
    names = [one.name.decode() for one in taken["ggml-base.dll"]]
    assert "ggml_abort" in names
    assert [name for name in names if name.startswith("_Z")] == []


def found(computer: Computer, pack: Path) -> dict[str, Any]:
    """What comes out in the end: on a busy computer a trial goes on beside the service."""
    gpu: dict[str, Any] = computer.facts(pack)["gpu"]
    if "longer than a start may" in gpu["why"]:
        with computer.serving(pack):
            wait_until(lambda: '"is_settled": true' in memory(computer))
        gpu = computer.facts(pack)["gpu"]
    return gpu


def memory(computer: Computer) -> str:
    return "".join(path.read_text() for path in computer.user_folder.rglob(MEMORY))


def test_a_software_device_is_not_chosen_by_itself(seen: Computer, pack: Path) -> None:
    gpu = found(seen, pack)
    assert gpu["used"] is False
    assert "llvmpipe" in gpu["why"]
    assert "is a software device" in gpu["why"]


def test_without_a_driver_that_is_what_is_said(
    computer: Computer, pack: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VK_ICD_FILENAMES", "/none.json")
    why = "No graphics card is used: there is no graphics driver for Vulkan on this computer."
    assert found(computer, pack)["why"] == why


@pytest.mark.parametrize(
    ("act", "words"),
    [("CRASH", "crashed ("), ("HANG", "takes longer"), ("WRONG", "wrong numbers")],
)
def test_a_card_that_misbehaves_leaves_the_work_to_the_processor(
    act: str, words: str, computer: Computer, tree: Path, tmp_path: Path
) -> None:
    target = target_named("windows-x86_64")
    with zipfile.ZipFile(native_wheel(target, print).path) as wheel:
        (tmp_path / BASE).write_bytes(wheel.read(f"llama_cpp/lib/{BASE}"))
    compile_fake_gpu(act, target, tmp_path / BASE, tree / LIBRARY)
    started = time.monotonic()
    gpu = computer.facts(tree / PROGRAM)["gpu"]
    assert time.monotonic() - started < MOST_S
    if act != "HANG":
        gpu = found(computer, tree / PROGRAM)
    assert gpu["used"] is False
    assert "Hostile 9000" in gpu["why"]
    assert words in gpu["why"]


@pytest.mark.timeout(300)
def test_a_forced_device_writes_what_the_processor_writes(seen: Computer, pack: Path) -> None:
    texts = []
    for device in ("off", "Vulkan0"):
        with seen.serving(pack, "--gpu", device, "--threads", "1") as url:
            reply = httpx.post(f"{url}/v1/completions", json=COUNTING, trust_env=False, timeout=200)
            texts.append(reply.json()["choices"][0]["text"])
            info = httpx.get(f"{url}/llamapack/info", trust_env=False).json()
    assert texts[0] == texts[1]
    assert info["hardware"].startswith("llvmpipe")
    assert info["gpu"]["code"] == "forced"

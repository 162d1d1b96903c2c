"""The probe against real libraries: set LLAMAPACK_TEST_LIBRARIES to a folder with libllama."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
import sys
import time
from pathlib import Path

import pytest

from llamapack_runtime.hardware.choice import HardwareChoice
from llamapack_runtime.hardware.probe import choose_hardware
from llamapack_runtime.hardware.sample_model import SCALES
from llamapack_runtime.hardware.variants import list_variants

FOLDER = os.environ.get("LLAMAPACK_TEST_LIBRARIES", "")
CHILD = [sys.executable, str(Path(__file__).with_name("probe_child.py"))]
BUDGET_S = 2.0
TOLERANCE_S = 0.5
UNDEFINED_INSTRUCTION = b"\x0f\x0b"  # x86's ud2

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not FOLDER, reason="LLAMAPACK_TEST_LIBRARIES names no library folder"),
]


def choose(
    libraries: Path, cache: Path, kind: str = "Q4_1", budget_s: float = BUDGET_S
) -> HardwareChoice:
    return choose_hardware(libraries, CHILD, cache, "image", (kind,), budget_s=budget_s)


def copy_of_libraries(tmp_path: Path) -> Path:
    libraries = tmp_path / "lib"
    libraries.mkdir()
    for path in Path(FOLDER).iterdir():
        if path.is_file():
            shutil.copy(path, libraries / path.name)
    return libraries


def break_function(library: Path, name: str) -> None:
    """Put an undefined instruction at the start of an exported function of an ELF file."""
    listing = subprocess.run(
        ["readelf", "--wide", "--dyn-syms", "--program-headers", str(library)],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    address = next(int(line.split()[1], 16) for line in listing if line.split()[-1:] == [name])
    loads = [line.split() for line in listing if line.split()[:1] == ["LOAD"]]
    for _, offset, start, _, size, *_ in loads:
        inside = address - int(start, 16)
        if 0 <= inside < int(size, 16):
            with library.open("r+b") as file:
                file.seek(int(offset, 16) + inside)
                file.write(UNDEFINED_INSTRUCTION)
            return
    raise AssertionError(f"{name} lies in no segment of {library}")


def test_the_variants_here_are_tried_within_the_budget(tmp_path: Path) -> None:
    started = time.monotonic()
    choice = choose(Path(FOLDER), tmp_path)
    assert time.monotonic() - started < BUDGET_S + TOLERANCE_S
    assert {result.status for result in choice.results} <= {"ok", "unsupported", "not_tried"}
    ran = [result for result in choice.results if result.status == "ok"]
    assert choice.variant.name in [result.name for result in ran]
    assert len(choice.results) == len(list_variants(Path(FOLDER)))
    assert all(result.decode_tokens_per_s > 0 < result.prompt_tokens_per_s for result in ran)


@pytest.mark.skipif(shutil.which("readelf") is None, reason="readelf (binutils) is missing")
@pytest.mark.parametrize("function", ["ggml_backend_init", "ggml_backend_score"])
def test_a_best_variant_that_dies_is_passed_over_said_and_remembered(
    tmp_path: Path, function: str
) -> None:
    libraries = copy_of_libraries(tmp_path)
    best = choose(libraries, tmp_path).variant
    shutil.rmtree(tmp_path / "broken", ignore_errors=True)
    cache = tmp_path / "broken"
    cache.mkdir()
    break_function(best.path, function)
    started = time.monotonic()
    choice = choose(libraries, cache)
    assert time.monotonic() - started < BUDGET_S + TOLERANCE_S
    assert choice.variant.name != best.name
    assert f"{best.name} died with SIGILL" in choice.reason
    again = choose(libraries, cache)
    assert again.from_cache == choice.is_settled  # a busy computer is measured again
    assert f"{best.name} died with SIGILL" in again.reason


def test_a_damaged_library_is_passed_over(tmp_path: Path) -> None:
    libraries = copy_of_libraries(tmp_path)
    best = choose(libraries, tmp_path).variant
    best.path.write_bytes(best.path.read_bytes()[:4096] + struct.pack("<Q", 0))
    cache = tmp_path / "damaged"
    cache.mkdir()
    choice = choose(libraries, cache)
    assert choice.variant.name != best.name
    assert [one.status for one in choice.results if one.name == best.name] == ["crashed"]


@pytest.mark.parametrize("name", sorted(SCALES))
def test_every_type_that_a_model_may_have_can_be_probed(tmp_path: Path, name: str) -> None:
    choice = choose(Path(FOLDER), tmp_path, name, budget_s=1.0)
    assert not [result for result in choice.results if result.status in ("crashed", "wrong")]
    assert "does not work" not in choice.reason
    assert "OpenBLAS computed wrong numbers" not in choice.reason


def test_types_without_a_wide_kernel_are_left_to_openblas(tmp_path: Path) -> None:
    choice = choose(Path(FOLDER), tmp_path, "Q4_1")
    assert choice.gemm is not None, choice.reason

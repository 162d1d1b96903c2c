"""The GEMM library computes what the CPU variant computes, in the real model."""

from __future__ import annotations

import json
import subprocess
import sys
from array import array
from pathlib import Path

import pytest

from runtime.engine.conftest import path_from

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

CHILD = Path(__file__).with_name("gemm_child.py")
VARIANT = "haswell"
# The CPU variant rounds activations to eight bits, the library rounds nothing; the variants among
# themselves differ by as much (test_variants_agree.py).
TOLERANCE = 2.0


def logits(gemm: str, threads: int, out: Path) -> tuple[array[float], list[float]]:
    folder, model = path_from("LLAMAPACK_TEST_LIBRARIES"), path_from("LLAMAPACK_TEST_MODEL")
    command = [sys.executable, str(CHILD), str(folder), VARIANT, str(model), gemm, str(threads)]
    result = subprocess.run([*command, str(out)], capture_output=True, text=True, check=False)
    if "cannot be loaded on this computer" in result.stderr:
        pytest.skip(f"{VARIANT} does not run on this processor")
    assert result.returncode == 0, result.stderr
    values = array("f")
    values.frombytes(out.read_bytes())
    return values, json.loads(result.stdout)


def largest_difference(one: array[float], other: array[float]) -> float:
    return max(abs(a - b) for a, b in zip(one, other, strict=True))


@pytest.fixture(scope="module")
def without(tmp_path_factory: pytest.TempPathFactory) -> array[float]:
    return logits("without", 2, tmp_path_factory.mktemp("logits") / "without")[0]


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_logits_are_those_of_the_cpu_variant(
    without: array[float], tmp_path: Path, threads: int
) -> None:
    found, seconds = logits("with", threads, tmp_path / "with")
    assert len(found) == len(without) > 0
    difference = largest_difference(found, without)
    print(f"{threads} threads: largest logit difference {difference:.3f}, {sum(seconds):.2f} s")
    assert 0 < difference < TOLERANCE, "0: the library was not used"


def test_the_order_in_which_threads_take_tiles_changes_nothing(tmp_path: Path) -> None:
    one, _ = logits("with", 1, tmp_path / "one")
    three, _ = logits("with", 3, tmp_path / "three")
    assert largest_difference(one, three) < 1e-2

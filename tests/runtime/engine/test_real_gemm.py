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


def logits(gemm: str, threads: int, out: Path) -> array[float]:
    folder, model = path_from("LLAMAPACK_TEST_LIBRARIES"), path_from("LLAMAPACK_TEST_MODEL")
    command = [sys.executable, str(CHILD), str(folder), VARIANT, str(model), gemm, str(threads)]
    result = subprocess.run([*command, str(out)], capture_output=True, text=True, check=False)
    if "cannot be loaded on this computer" in result.stderr:
        pytest.skip(f"{VARIANT} does not run on this processor")
    assert result.returncode == 0, result.stderr
    print(f"{gemm} the library, {threads} threads: {sum(json.loads(result.stdout)):.1f} s")
    values = array("f")
    values.frombytes(out.read_bytes())
    return values


def largest_difference(one: array[float], other: array[float]) -> float:
    return max(abs(a - b) for a, b in zip(one, other, strict=True))


def test_logits_are_those_of_the_cpu_variant_however_many_threads(tmp_path: Path) -> None:
    expected = logits("without", 1, tmp_path / "without")
    alone = logits("with", 1, tmp_path / "alone")
    together = logits("with", 2, tmp_path / "together")
    difference = largest_difference(alone, expected)
    print(f"largest logit difference {difference:.3f}")
    assert 0 < difference < TOLERANCE, "0: the library was not used"
    assert largest_difference(alone, together) < 1e-2, "who takes a tile must not matter"

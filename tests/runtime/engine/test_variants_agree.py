"""Every CPU variant that runs here computes what the plainest one computes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from array import array
from pathlib import Path

import pytest

from llamapack_runtime.hardware.variants import list_variants

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

WORKER = Path(__file__).resolve().parents[2] / "bench" / "variant_worker.py"
PLAINEST = "x64"
# Variants sum quantised products in another order and width, and 30 layers amplify that. Logits of
# SmolLM2-135M span about 40; the largest difference seen is 1.22 (haswell against x64, over 20
# prompts and 49,152 logits each).
TOLERANCE = 2.0
PROMPTS = 8


def _environment_path(name: str) -> Path:
    value = os.environ.get(name)
    if not value:
        pytest.skip(f"{name} is not set; `make test` sets it")
    return Path(value)


def _work(folder: Path, variant: str, model: Path, out: Path) -> list[str] | None:
    """The variant's answers; None when it cannot run on this processor."""
    command = [
        sys.executable,
        str(WORKER),
        str(folder),
        variant,
        str(model),
        "2",
        str(out),
        str(PROMPTS),
    ]
    result = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    if result.returncode:
        assert "cannot be loaded on this computer" in result.stderr or result.returncode < 0
        return None
    return list(json.loads(result.stdout))


def _logits(path: Path) -> array[float]:
    values = array("f")
    with path.open("rb") as file:
        values.frombytes(file.read())
    return values


def test_all_variants_agree_with_the_plainest(tmp_path: Path) -> None:
    folder = _environment_path("LLAMAPACK_TEST_LIBRARIES")
    model = _environment_path("LLAMAPACK_TEST_MODEL")
    plain = _work(folder, PLAINEST, model, tmp_path / PLAINEST)
    assert plain is not None
    expected = _logits(tmp_path / PLAINEST)
    compared = 0
    for variant in (each.name for each in list_variants(folder) if each.name != PLAINEST):
        answers = _work(folder, variant, model, tmp_path / variant)
        if answers is None:
            continue
        compared += 1
        found = _logits(tmp_path / variant)
        difference = max(abs(a - b) for a, b in zip(found, expected, strict=True))
        same = sum(a == b for a, b in zip(answers, plain, strict=True))
        print(
            f"{variant}: {same} of {PROMPTS} texts equal, largest logit difference {difference:.3f}"
        )
        assert difference < TOLERANCE, f"{variant} differs by {difference}"
    assert compared >= 1

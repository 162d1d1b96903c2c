"""When products are left to the GEMM library: never where it died, was wrong, or is slower."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from llamapack_runtime.hardware.gemm import GEMM
from llamapack_runtime.hardware.ledger import Ledger
from llamapack_runtime.hardware.messages import Failed, GemmTimed
from runtime.hardware.test_probe import PLAIN, Computer

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="libraries are named for Linux")

GOOD: dict[str, Any] = {"with_s": 0.01, "without_s": 0.03}


def computer(folder: Path, gemm: dict[str, Any] | None) -> Computer:
    made = Computer(folder, {"x64": PLAIN})
    if gemm is not None:
        change(made, gemm)
    return made


def change(made: Computer, gemm: dict[str, Any]) -> None:
    made.write({"x64": PLAIN, GEMM: gemm})
    (made.libraries / "libggml-gemm.so").touch()


def test_it_is_used_where_it_is_faster(tmp_path: Path) -> None:
    made = computer(tmp_path, GOOD)
    choice = made.choose()
    assert choice.gemm == made.libraries / "libggml-gemm.so"
    assert choice.reason == (
        "x64: the only one that ran; wide products by OpenBLAS, 3.0 times as fast"
    )
    assert choice.variant.name == "x64"


@pytest.mark.parametrize(
    ("gemm", "why"),
    [
        ({"with_s": 0.03, "without_s": 0.01}, "OpenBLAS is slower here"),
        ({"with_s": 0.01, "without_s": 0.03, "distance": 0.5}, "OpenBLAS computed wrong numbers"),
        ({"act": "SIGILL"}, "OpenBLAS does not work here"),
        ({"act": "exit"}, "OpenBLAS does not work here"),
        ({"act": "fail"}, "OpenBLAS does not work here"),
    ],
)
def test_it_is_left_alone_where_it_is_no_good(
    tmp_path: Path, gemm: dict[str, Any], why: str
) -> None:
    made = computer(tmp_path, gemm)
    choice = made.choose()
    assert choice.gemm is None
    assert choice.variant.name == "x64"
    assert choice.reason.endswith(why)
    children = len(made.children)
    again = made.choose()
    assert again.from_cache
    assert again.reason == choice.reason
    assert len(made.children) == children


def test_a_hang_is_ended_and_remembered(tmp_path: Path) -> None:
    choice = computer(tmp_path, {"act": "hang"}).choose(budget_s=1.2)
    assert choice.gemm is None
    assert choice.reason.endswith("OpenBLAS does not work here")


def test_a_trial_without_time_is_made_at_the_next_start(tmp_path: Path) -> None:
    made = computer(tmp_path, {"act": "skip"})
    assert made.choose().gemm is None
    change(made, GOOD)
    choice = made.choose()
    assert choice.gemm is not None
    assert made.choose().from_cache


def test_switched_off_it_is_not_even_tried(tmp_path: Path) -> None:
    made = computer(tmp_path, {"act": "SIGILL"})
    choice = made.choose(with_gemm=False)
    assert choice.gemm is None
    assert "OpenBLAS" not in choice.reason
    assert len(made.children) == 1
    change(made, GOOD)
    assert made.choose().gemm is not None
    off = made.choose(with_gemm=False)
    assert (off.gemm, off.from_cache) == (None, True)


def test_an_image_without_it_is_as_good(tmp_path: Path) -> None:
    made = computer(tmp_path, None)
    assert made.choose().gemm is None
    assert made.choose().from_cache


def test_one_slow_round_says_nothing() -> None:
    ledger = Ledger()
    for with_s in (0.01, 0.9, 0.01):
        ledger.apply(GemmTimed(64, with_s, 0.02, 0.01))
    trial = ledger.gemm()
    assert trial is not None
    assert trial.speedup == pytest.approx(2.0)
    assert trial.is_good
    ledger.apply(Failed(GEMM, "it refused"))
    failed = ledger.gemm()
    assert failed is not None
    assert not failed.is_good

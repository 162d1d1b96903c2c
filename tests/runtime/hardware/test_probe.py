"""The choice of a variant, against children that crash, hang and answer as a script says."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from llamapack_runtime.hardware.choice import HardwareChoice
from llamapack_runtime.hardware.cpus import usable_cpus
from llamapack_runtime.hardware.errors import HardwareError
from llamapack_runtime.hardware.probe import choose_hardware

FAKE_WORKER = Path(__file__).with_name("fake_worker.py")
USUAL = min(usable_cpus().physical, usable_cpus().most_threads)

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="variants are named for Linux here")


class Computer:
    """A library folder with empty variant files, and a script of how each behaves."""

    def __init__(self, folder: Path, script: dict[str, dict[str, Any]]) -> None:
        self.libraries = folder / "lib"
        self.cache = folder / "cache"
        self.script_file = folder / "script.json"
        self.libraries.mkdir()
        self.cache.mkdir()
        for name in script:
            (self.libraries / f"libggml-cpu-{name}.so").touch()
        self.write(script)

    def write(self, script: dict[str, dict[str, Any]]) -> None:
        self.script_file.write_text(json.dumps(script), encoding="utf-8")

    def choose(self, **options: Any) -> HardwareChoice:
        command = [sys.executable, "-S", str(FAKE_WORKER), str(self.script_file)]
        options.setdefault("quantizations", ("Q4_K",))
        return choose_hardware(self.libraries, command, self.cache, "image", **options)

    @property
    def children(self) -> list[list[str]]:
        """The variants that each child so far was asked about."""
        log = self.script_file.with_suffix(".log")
        return [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]


def statuses(choice: HardwareChoice) -> dict[str, str]:
    return {result.name: result.status for result in choice.results}


PLAIN: dict[str, Any] = {"score": 1, "decode_s": 0.05}
MIDDLE = {"score": 50, "decode_s": 0.02}
TOP = {"score": 900, "decode_s": 0.01}


def test_the_fastest_wins_even_over_a_higher_score(tmp_path: Path) -> None:
    slow_top = {"score": 900, "decode_s": 0.03}
    computer = Computer(tmp_path, {"x64": PLAIN, "haswell": MIDDLE, "icelake": slow_top})
    choice = computer.choose()
    assert choice.variant.name == "haswell"
    assert choice.reason == "haswell: the fastest of 3 that ran"
    assert not choice.from_cache


def test_a_difference_within_the_noise_keeps_the_higher_score(tmp_path: Path) -> None:
    nearly = {"score": 900, "decode_s": 0.0204}
    computer = Computer(tmp_path, {"haswell": MIDDLE, "icelake": nearly})
    assert computer.choose().variant.name == "icelake"


@pytest.mark.parametrize("how", ["SIGILL", "SIGSEGV", "SIGABRT", "SIGBUS"])
def test_a_variant_that_crashes_is_named_and_the_next_best_taken(tmp_path: Path, how: str) -> None:
    crash = {"score": 900, "act": how}
    computer = Computer(tmp_path, {"x64": PLAIN, "haswell": MIDDLE, "icelake": crash})
    choice = computer.choose()
    assert choice.variant.name == "haswell"
    assert choice.reason == f"haswell: the fastest of 2 that ran; icelake died with {how}"
    assert [(one.name, one.signal) for one in choice.results if one.signal] == [("icelake", how)]


def test_an_early_exit_counts_as_a_crash(tmp_path: Path) -> None:
    computer = Computer(tmp_path, {"x64": PLAIN, "icelake": {"score": 9, "act": "exit"}})
    assert computer.choose().reason.endswith("icelake died with exit code 7")


def test_a_crash_is_remembered_and_not_repeated(tmp_path: Path) -> None:
    computer = Computer(tmp_path, {"x64": PLAIN, "icelake": {"score": 9, "act": "SIGILL"}})
    first = computer.choose()
    started = len(computer.children)
    second = computer.choose()
    assert second.from_cache
    assert second.reason == first.reason
    assert second.results == first.results
    assert len(computer.children) == started


def test_a_crash_after_others_ran_keeps_their_times(tmp_path: Path) -> None:
    script: dict[str, dict[str, Any]] = {"haswell": MIDDLE, "icelake": TOP}
    script["x64"] = {"score": 1, "act": "SIGILL"}
    #: {"score": 1, "act": "SIGILL"}}
    choice = Computer(tmp_path, script).choose()
    assert choice.variant.name == "icelake"
    assert statuses(choice) == {"icelake": "ok", "haswell": "ok", "x64": "crashed"}


def test_a_variant_that_hangs_is_ended_within_the_budget(tmp_path: Path) -> None:
    computer = Computer(tmp_path, {"x64": PLAIN, "icelake": {"score": 9, "act": "hang"}})
    started = time.monotonic()
    choice = computer.choose(budget_s=1.5)
    assert time.monotonic() - started < 1.5 + 0.5
    assert choice.variant.name == "x64"
    assert statuses(choice)["icelake"] == "timed_out"
    assert "icelake did not answer in time" in choice.reason


def test_a_hang_gets_one_second_chance_then_is_remembered(tmp_path: Path) -> None:
    computer = Computer(tmp_path, {"x64": PLAIN, "icelake": {"score": 9, "act": "hang"}})
    assert not computer.choose(budget_s=0.9).from_cache
    assert not computer.choose(budget_s=0.9).from_cache
    assert computer.choose(budget_s=0.9).from_cache


def test_a_hang_that_was_a_passing_trouble_is_forgiven(tmp_path: Path) -> None:
    computer = Computer(tmp_path, {"x64": PLAIN, "icelake": {"score": 9, "act": "hang"}})
    assert computer.choose(budget_s=0.9).variant.name == "x64"
    computer.write({"x64": PLAIN, "icelake": TOP})
    assert computer.choose().variant.name == "icelake"


def test_a_killed_child_says_nothing_lasting_about_the_variant(tmp_path: Path) -> None:
    computer = Computer(tmp_path, {"x64": PLAIN, "icelake": {"score": 9, "act": "SIGKILL"}})
    assert computer.choose().variant.name == "x64"
    computer.write({"x64": PLAIN, "icelake": TOP})
    assert computer.choose().variant.name == "icelake"


def test_wrong_numbers_disqualify(tmp_path: Path) -> None:
    garbled = {"score": 900, "decode_s": 0.001, "logits": [-2.0, 1.0]}
    computer = Computer(tmp_path, {"x64": PLAIN, "haswell": MIDDLE, "icelake": garbled})
    choice = computer.choose()
    assert choice.variant.name == "haswell"
    assert "icelake computed wrong numbers" in choice.reason


def test_a_score_of_zero_is_never_tried(tmp_path: Path) -> None:
    computer = Computer(tmp_path, {"x64": PLAIN, "zen4": {"score": 0, "act": "SIGILL"}})
    assert statuses(computer.choose()) == {"x64": "ok", "zen4": "unsupported"}


def test_when_all_crash_the_error_names_them(tmp_path: Path) -> None:
    crash = {"score": 5, "act": "SIGILL"}
    computer = Computer(tmp_path, {"x64": crash, "haswell": crash})
    with pytest.raises(
        HardwareError, match=r"haswell crashed \(SIGILL\), x64 crashed \(SIGILL\)\."
    ):
        computer.choose()


def test_when_all_hang_the_error_comes_in_bounded_time(tmp_path: Path) -> None:
    computer = Computer(tmp_path, {"x64": {"score": 5, "act": "hang"}})
    started = time.monotonic()
    with pytest.raises(HardwareError, match=r"x64 timed out"):
        computer.choose(budget_s=0.4)
    assert time.monotonic() - started < 4.0


def test_without_a_child_the_plainest_variant_serves_and_nothing_is_settled(tmp_path: Path) -> None:
    computer = Computer(tmp_path, {"x64": PLAIN, "haswell": MIDDLE})
    choice = choose_hardware(
        computer.libraries, [str(tmp_path / "missing")], computer.cache, "image", ("Q4_K",)
    )
    assert (choice.variant.name, choice.is_settled) == ("x64", False)
    assert computer.choose().variant.name == "haswell"


def test_a_forced_variant_is_the_only_one_tried(tmp_path: Path) -> None:
    computer = Computer(tmp_path, {"x64": PLAIN, "haswell": MIDDLE})
    choice = computer.choose(forced_variant="x64")
    assert choice.variant.name == "x64"
    assert choice.reason == "x64: as asked"
    assert computer.children == [["x64"]]


def test_an_unknown_forced_variant_lists_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(HardwareError, match="named 'zen9'; there are haswell, x64"):
        Computer(tmp_path, {"x64": PLAIN, "haswell": MIDDLE}).choose(forced_variant="zen9")


def test_an_empty_library_folder_is_a_plain_error(tmp_path: Path) -> None:
    with pytest.raises(HardwareError, match="no CPU library"):
        Computer(tmp_path, {}).choose()


def test_given_threads_are_taken_and_do_not_spoil_the_memory(tmp_path: Path) -> None:
    computer = Computer(tmp_path, {"x64": PLAIN})
    given = computer.choose(threads=3, threads_batch=5)
    assert (given.n_threads, given.n_threads_batch) == (3, 5)
    assert computer.choose().n_threads == USUAL
    again = computer.choose(threads=3)
    assert (again.n_threads, again.n_threads_batch, again.from_cache) == (3, USUAL, True)


@pytest.mark.skipif(USUAL < 2, reason="one processor leaves no choice of threads")
def test_a_thread_count_found_beside_a_busy_neighbour_is_measured_again(tmp_path: Path) -> None:
    many = {str(count): 0.3 for count in range(2, 65)}
    busy = {**PLAIN, "threads": {**many, "1": 0.1}, "busy": 0.5}
    computer = Computer(tmp_path, {"x64": busy, "haswell": {"score": 5, "decode_s": 0.2}})
    first = computer.choose()
    assert (first.n_threads, first.is_settled) == (1, False)
    computer.write({"x64": PLAIN, "haswell": {"score": 5, "decode_s": 0.2}})
    second = computer.choose()
    assert (second.n_threads, second.is_settled, second.variant.name) == (USUAL, True, "x64")
    assert computer.children[-1] == ["x64"]
    assert statuses(second) == {"x64": "ok", "haswell": "ok"}


@pytest.mark.skipif(USUAL < 2, reason="one processor leaves no choice of threads")
def test_threads_that_could_not_be_timed_follow_the_rule_and_stay_open(tmp_path: Path) -> None:
    computer = Computer(tmp_path, {"x64": {**PLAIN, "no_threads": True}})
    first = computer.choose()
    assert (first.n_threads, first.n_threads_batch, first.is_settled) == (USUAL, USUAL, False)
    computer.write({"x64": PLAIN})
    assert computer.choose().is_settled


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[1]", b"\xff\xfe", b'{"version": 1}', b"[" * 9999]
)
def test_a_damaged_memory_means_a_new_probe(tmp_path: Path, content: bytes) -> None:
    computer = Computer(tmp_path, {"x64": PLAIN})
    (computer.cache / "hardware-image.json").write_bytes(content)
    assert not computer.choose().from_cache
    assert computer.choose().from_cache


def test_a_memory_of_nonsense_means_a_new_probe(tmp_path: Path) -> None:
    computer = Computer(tmp_path, {"x64": PLAIN})
    computer.choose()
    path = computer.cache / "hardware-image.json"
    path.write_text(path.read_text().replace('"n_threads": ', '"n_threads": -'))
    assert not computer.choose().from_cache


def test_another_model_type_or_image_means_a_new_probe(tmp_path: Path) -> None:
    computer = Computer(tmp_path, {"x64": PLAIN})
    computer.choose()
    assert not computer.choose(quantizations=("Q8_0",)).from_cache
    assert computer.choose(quantizations=("Q4_K",)).from_cache


def test_a_folder_that_does_not_exist_is_no_error(tmp_path: Path) -> None:
    computer = Computer(tmp_path, {"x64": PLAIN})
    computer.cache.rmdir()
    assert computer.choose().variant.name == "x64"
    assert not computer.choose().from_cache


def test_nothing_but_the_memory_is_left_behind(tmp_path: Path) -> None:
    computer = Computer(tmp_path, {"x64": PLAIN, "icelake": {"score": 9, "act": "SIGILL"}})
    computer.choose()
    assert [path.name for path in computer.cache.iterdir()] == ["hardware-image.json"]

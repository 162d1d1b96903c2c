"""What a trial's child tells, and what is made of it: choice, patience and memory."""

from __future__ import annotations

import json
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from llamapack_runtime.hardware.choice import HardwareChoice
from llamapack_runtime.hardware.gpu_choice import GpuChoice
from llamapack_runtime.hardware.gpu_probe import choose_gpu, list_devices
from llamapack_runtime.hardware.gpu_remembered import while_in_use
from llamapack_runtime.hardware.variants import Variant

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the libraries' names are Linux's")

# Acts out a script: an event a line, or one of the words below. It is told what to leave out.
CHILD = """
import json, os, signal, sys, time
order = json.loads(sys.argv[-1])
for step in json.load(open(sys.argv[1])):
    if step == "die": os.kill(os.getpid(), signal.SIGSEGV)
    elif step == "be killed": os.kill(os.getpid(), signal.SIGKILL)
    elif step == "hang": time.sleep(60)
    elif step == "wait": time.sleep(1.0)
    elif step == "stop if listing":
        if order["is_listing"]: break
    elif step.get("variant") in order["passed_over"]: break
    else: print(json.dumps(step), flush=True)
print(json.dumps({"event": "Done"}), flush=True)
"""
CARD = {"kind": "gpu", "total_bytes": 8 << 30, "free_bytes": 7 << 30, "number": ""}


def found(name: str, description: str, **fields: object) -> dict[str, object]:
    return {"event": "Found", "name": name, "description": description} | CARD | fields


def computed(name: str, step_s: float, logits: list[float]) -> list[Any]:
    timed = {"event": "Timed", "variant": name, "threads": 1, "tokens": 1, "cpu_seconds": step_s}
    return [
        {"event": "Begun", "variant": name},
        *(timed | {"kind": kind, "seconds": step_s} for kind in ("decode", "prompt")),
        {"event": "Computed", "variant": name, "logits": logits},
    ]


RIGHT = [1.0, 2.0, 3.0]
BEGUN = {"event": "Begun", "variant": "Vulkan"}
ROME = found("Vulkan0", "Rome 1")
PROCESSOR = computed("CPU", 0.1, RIGHT)


class Computer:
    def __init__(self, folder: Path) -> None:
        self.libraries, self.cache = folder / "lib", folder / "cache"
        self.libraries.mkdir()
        self.cache.mkdir()
        (self.libraries / "libggml-vulkan.so").touch()
        self._script, self._child = folder / "script.json", folder / "child.py"
        self._child.write_text(CHILD)

    @property
    def command(self) -> list[str]:
        return [sys.executable, "-S", str(self._child), str(self._script)]

    def act(self, *steps: Any) -> None:
        self._script.write_text(json.dumps([BEGUN, *steps]))

    def choose(self, wish: str = "auto", **patience: float) -> GpuChoice:
        cpu = HardwareChoice(Variant("haswell", Path("haswell.so")), 2, 2, (), "")
        types = ("Q4_K",)
        return choose_gpu(
            self.libraries, self.command, self.cache, "image", types, cpu, wish=wish, **patience
        )


@pytest.fixture
def computer(tmp_path: Path) -> Computer:
    return Computer(tmp_path)


def test_a_card_that_is_right_and_faster_is_used_and_remembered(computer: Computer) -> None:
    computer.act(ROME, *computed("Vulkan0", 0.05, RIGHT), *PROCESSOR)
    choice = computer.choose()
    assert choice.result.code == "used"
    assert choice.result.times == pytest.approx(2.0)
    assert choice.device is not None
    assert choice.device.name == "Vulkan0"
    assert choice.library == computer.libraries / "libggml-vulkan.so"
    computer.act("die")
    again = computer.choose()
    assert again.from_cache
    assert (again.device, again.reason) == (choice.device, choice.reason)
    assert again.library == choice.library


@pytest.mark.parametrize(
    ("steps", "code"),
    [
        ([ROME, *computed("Vulkan0", 0.098, RIGHT), *PROCESSOR], "slower"),
        ([ROME, *computed("Vulkan0", 0.01, [1.0, -2.0, 3.0]), *PROCESSOR], "wrong"),
        ([ROME, *computed("Vulkan0", 0.01, [float("nan")] * 3), *PROCESSOR], "wrong"),
        ([ROME, {"event": "Begun", "variant": "Vulkan0"}, "die"], "crashed"),
        (["die"], "crashed"),
        ([ROME, {"event": "Failed", "variant": "Vulkan0", "why": "no memory"}], "failed"),
        ([{"event": "NoDriver"}], "no_driver"),
        ([], "no_device"),
        ([found("Vulkan0", "llvmpipe", kind="software", number="0")], "software"),
    ],
)
def test_else_the_processor_computes_and_that_is_remembered(
    computer: Computer, steps: list[Any], code: str
) -> None:
    computer.act(*steps)
    choice = computer.choose()
    assert (choice.device, choice.result.code) == (None, code)
    computer.act("hang")
    assert computer.choose().result.code == code


def test_the_next_card_is_tried_when_one_dies(computer: Computer) -> None:
    small = found("Vulkan1", "Carthage 2", total_bytes=4 << 30)
    computer.act(
        ROME,
        small,
        *computed("Vulkan1", 0.01, RIGHT),
        *PROCESSOR,
        {"event": "Begun", "variant": "Vulkan0"},
        "die",
    )
    choice = computer.choose()
    assert choice.device is not None
    assert choice.device.name == "Vulkan1"
    assert "Besides, the trial of Rome 1 crashed (SIGSEGV)." in choice.reason


def test_a_trial_that_takes_longer_than_a_start_decides_about_the_next(computer: Computer) -> None:
    steps = computed("Vulkan0", 0.05, RIGHT)
    computer.act(ROME, steps[0], "wait", *steps[1:], *PROCESSOR)
    choice = computer.choose(patience_s=0.5)
    assert (choice.result.code, choice.result.title) == ("late", "Rome 1")
    assert (choice.device, choice.is_settled) == (None, False)
    for _ in range(100):
        later = computer.choose(patience_s=0.5)
        if later.is_settled:
            break
        threading.Event().wait(0.1)  # the trial goes on behind our back
    assert later.result.code == "used"


def test_a_card_that_takes_the_program_with_it_is_left_out_and_tried_anew(
    computer: Computer,
) -> None:
    computer.act(ROME, *computed("Vulkan0", 0.05, RIGHT), *PROCESSOR)
    used = computer.choose()
    with while_in_use(used):
        died = computer.choose()  # as the next start would, had this one not come further
    assert (died.device, died.result.code, died.is_settled) == (None, "died", False)
    assert "died when it last loaded the model onto Rome 1" in died.reason
    with while_in_use(used):
        pass
    assert computer.choose().device == used.device


def test_a_trial_that_somebody_kills_is_made_again(computer: Computer) -> None:
    computer.act(ROME, {"event": "Begun", "variant": "Vulkan0"}, "be killed")
    choice = computer.choose()
    assert (choice.result.code, choice.result.cause) == ("crashed", "SIGKILL")
    assert not choice.is_settled


def test_one_that_hangs_costs_the_patience_once_and_is_given_up(computer: Computer) -> None:
    computer.act(ROME, {"event": "Begun", "variant": "Vulkan0"}, "hang")
    started = time.monotonic()
    assert computer.choose(patience_s=0.5, most_s=1.0).result.code == "late"
    assert time.monotonic() - started < 1.0
    for _ in range(100):
        later = computer.choose(patience_s=0.5, most_s=1.0)
        if later.is_settled:
            break
        threading.Event().wait(0.1)  # as above
    assert (later.device, later.result.code) == (None, "hung")
    assert "Rome 1 did not answer" in later.reason


@pytest.mark.parametrize("wish", ["Vulkan1", "vulkan1", "llvmpipe"])
def test_a_device_that_is_named_is_used_without_a_trial(computer: Computer, wish: str) -> None:
    software = found("Vulkan1", "llvmpipe", kind="software", number="1")
    computer.act(ROME, software, "stop if listing", "die")
    choice = computer.choose(wish)
    assert choice.result.code == "forced"
    assert choice.device is not None
    assert (choice.device.number, choice.device.native_name) == ("1", "Vulkan0")


def test_a_device_that_is_not_there_is_told_with_those_that_are(computer: Computer) -> None:
    computer.act(ROME)
    choice = computer.choose("Vulkan7")
    assert (choice.device, choice.result.code) == (None, "unknown")
    assert "no device named 'Vulkan7' (there is Vulkan0, Rome 1)" in choice.reason
    computer.act("die")
    assert "crashed (SIGSEGV)" in computer.choose("Vulkan7").reason


def test_metal_is_tried_and_named_like_the_others(computer: Computer) -> None:
    (computer.libraries / "libggml-vulkan.so").rename(computer.libraries / "libggml-metal.so")
    apple = found("MTL0", "Apple M2", kind="integrated")
    computer.act(apple, "stop if listing", *computed("MTL0", 0.05, RIGHT), *PROCESSOR)
    for wish, code in (("auto", "used"), ("MTL0", "forced"), ("apple m2", "forced")):
        choice = computer.choose(wish)
        assert choice.result.code == code
        assert choice.library == computer.libraries / "libggml-metal.so"
        assert choice.device is not None
        assert (choice.device.native_name, choice.device.library) == ("MTL0", "metal")


@pytest.mark.parametrize("wish", ["off", "none"])
def test_off_starts_nothing(computer: Computer, wish: str) -> None:
    computer.act("hang")
    assert computer.choose(wish).result.code == "off"


def test_without_a_library_nothing_is_started(computer: Computer) -> None:
    (computer.libraries / "libggml-vulkan.so").unlink()
    assert computer.choose().result.code == "no_library"


def test_a_damaged_memory_is_none(computer: Computer) -> None:
    computer.act(ROME, *computed("Vulkan0", 0.05, RIGHT), *PROCESSOR)
    computer.choose()
    memory = next(computer.cache.glob("gpu-*.json"))
    memory.write_text(memory.read_text().replace('"used"', '"best"'))
    assert not computer.choose().from_cache


def test_all_devices_are_listed(computer: Computer) -> None:
    software = found("Vulkan1", "llvmpipe", kind="software", number="1", total_bytes=0)
    computer.act(ROME, software, "stop if listing", "die")
    devices = list_devices(computer.libraries, computer.command)
    assert [device.words for device in devices] == [
        "Rome 1 (8192 MiB, 7168 MiB free)",
        "llvmpipe (software device)",
    ]

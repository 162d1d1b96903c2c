"""Why a graphics processor computes, or none, in sentences."""

from __future__ import annotations

import pytest

from llamapack_runtime.hardware.gpu_choice import (
    GPU_CODES,
    GpuChoice,
    GpuCode,
    GpuDevice,
    GpuResult,
    kind_by_name,
    pick,
    sentence,
)


@pytest.mark.parametrize("code", GPU_CODES)
def test_every_code_has_a_sentence_that_names_the_device(code: GpuCode) -> None:
    words = sentence(GpuResult("Card 9000", code, times=2.94))
    assert words.endswith(".")
    is_of_no_device = code in ("off", "no_library", "other_kind")
    assert ("Card 9000" in words) is not is_of_no_device


def test_the_sentences_of_the_usual_cases() -> None:
    used = sentence(GpuResult("NVIDIA RTX 3060", "used", times=2.94))
    assert used == (
        "The graphics card NVIDIA RTX 3060 does the computing: 2.9 times as fast as the processor "
        "in a trial."
    )
    assert sentence(GpuResult("llvmpipe", "software")) == (
        "No graphics card is used: the only device, llvmpipe, is a software device, slower than "
        "the processor."
    )


def test_what_else_went_wrong_is_told_and_software_devices_are_not() -> None:
    others = (GpuResult("llvmpipe", "software"), GpuResult("Old card", "crashed", "SIGSEGV"))
    choice = GpuChoice(GpuResult("New card", "used", times=3.0), others=others)
    assert choice.reason.endswith(" Besides, the trial of Old card crashed (SIGSEGV).")
    assert "llvmpipe" not in choice.reason


def test_cards_with_memory_of_their_own_come_first_and_software_never() -> None:
    devices = (
        GpuDevice("Vulkan0", "Shared", "vulkan", "integrated", 32 << 30),
        GpuDevice("Vulkan1", "Small", "vulkan", "gpu", 4 << 30),
        GpuDevice("Vulkan2", "Large", "vulkan", "gpu", 12 << 30),
        GpuDevice("Vulkan3", "llvmpipe", "vulkan", "software", number="3"),
    )
    assert [device.description for device in pick(devices)] == ["Large", "Small", "Shared"]
    assert devices[3].native_name == "Vulkan0"  # the only one that ggml sees then
    assert devices[1].native_name == "Vulkan1"


@pytest.mark.parametrize("name", ["llvmpipe (LLVM 15.0.6)", "SwiftShader Device (LLVM 10)"])
def test_software_is_known_by_its_name_too(name: str) -> None:
    assert kind_by_name(name, "gpu") == "software"
    assert kind_by_name("NVIDIA H200", "gpu") == "gpu"


@pytest.mark.parametrize(
    ("name", "expected"),
    [("Apple M2 Max", "integrated"), ("Intel UHD", "integrated"), ("AMD Radeon Pro 5500M", "gpu")],
)
def test_metal_calls_all_devices_cards_and_their_names_tell_whose_memory_it_is(
    name: str, expected: str
) -> None:
    assert kind_by_name(name, "gpu", "metal") == expected
    assert kind_by_name(name, "gpu", "vulkan") == "gpu"

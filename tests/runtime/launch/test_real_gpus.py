"""The process beside graphics processors: three that misbehave, and Mesa's software device, which
is there on every computer. What the real ones do nobody can test without one."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

import needs
from llamapack_runtime.hardware.cuda import has_cuda_driver
from runtime.hardware.fake_gpus import fake_gpu
from runtime.launch.processes import Home, run, running

LIBRARIES = Path(os.environ.get("LLAMAPACK_TEST_LIBRARIES", ""))
SOFTWARE_DRIVER = Path("/usr/share/vulkan/icd.d/lvp_icd.x86_64.json")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="the libraries' names are Linux's"),
    needs.LIBRARIES_AND_MODEL,
]
on_software = pytest.mark.skipif(
    not (SOFTWARE_DRIVER.exists() and (LIBRARIES / "libggml-vulkan.so").exists()),
    reason="`make test` brings the Vulkan library and mesa-vulkan-drivers",
)

# A text without choices that are nearly as good: each way of computing rounds differently.
COUNTING = {"prompt": "1, 2, 3, 4, 5, 6, 7, 8,", "max_tokens": 16, "temperature": 0}
FIXED = ("--no-browser", "--threads", "2")
MOST_S = 10.0


@pytest.fixture
def variables() -> dict[str, str]:
    return {
        "LLAMAPACK_LIBRARIES": str(LIBRARIES),
        "LLAMAPACK_MODEL": os.environ["LLAMAPACK_TEST_MODEL"],
        "VK_ICD_FILENAMES": str(SOFTWARE_DRIVER),
    }


@pytest.fixture(scope="session", params=["CRASH", "HANG", "WRONG"])
def hostile(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, Path]:
    folder = tmp_path_factory.mktemp("hostile")
    return request.param, fake_gpu(request.param, LIBRARIES, folder)


def test_a_card_that_misbehaves_leaves_the_work_to_the_processor(
    home: Home, free_port: int, variables: dict[str, str], hostile: tuple[str, Path]
) -> None:
    act, libraries = hostile
    words = {"CRASH": "crashed (SIGABRT)", "HANG": "takes longer", "WRONG": "wrong numbers"}[act]
    variables["LLAMAPACK_LIBRARIES"] = str(libraries)
    started = time.monotonic()
    with running(home, free_port, "--no-browser", **variables) as program:
        while "loading" in (health := program.get("/health").json()):
            if health["loading"]["stage"] not in ("starting", "probing"):
                break
        assert time.monotonic() - started < MOST_S
        program.wait_for("/health", {200})
        info = program.get("/llamapack/info").json()
        assert info["hardware"].endswith("threads") or info["hardware"].endswith("1 thread")
        assert "Hostile 9000" in info["gpu"]["reason"]
        assert words in info["gpu"]["reason"]
        assert program.get("/props").json()["gpu"] == info["gpu"]
        assert words in program.get("/llamapack/report").text
    started = time.monotonic()
    facts = gpu_facts(home, variables)
    assert time.monotonic() - started < MOST_S / 2
    assert (facts["used"], facts["remembered"]) == (False, True)
    assert words in facts["why"]


def gpu_facts(home: Home, variables: dict[str, str], *arguments: str) -> dict[str, Any]:
    reply = run(home, "--info", "--json", *arguments, **variables)
    found: dict[str, Any] = json.loads(reply.stdout)["gpu"]
    return found


def test_a_model_that_a_card_does_not_take_is_loaded_without_it(
    home: Home, free_port: int, variables: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    libraries = fake_gpu("FULL", LIBRARIES, tmp_path_factory.mktemp("full"))
    variables["LLAMAPACK_LIBRARIES"] = str(libraries)
    with running(home, free_port, *FIXED, "--gpu", "Hostile 9000", **variables) as program:
        program.wait_for("/health", {200})
        gpu = program.get("/llamapack/info").json()["gpu"]
        assert gpu["code"] == "no_room"
        assert "could not be loaded onto Hostile 9000 (" in gpu["reason"]
        url = f"{program.url}/v1/completions"
        reply = httpx.post(url, json=COUNTING, trust_env=False, timeout=60).json()
        assert reply["choices"][0]["text"].startswith(" 9, 10, 11")


def test_a_card_that_does_not_take_all_layers_gets_half_of_them(
    home: Home, free_port: int, variables: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    libraries = fake_gpu("NARROW", LIBRARIES, tmp_path_factory.mktemp("narrow"))
    variables["LLAMAPACK_LIBRARIES"] = str(libraries)
    with running(home, free_port, *FIXED, "--gpu", "Vulkan0", **variables) as program:
        program.wait_for("/health", {200})
        info = program.get("/llamapack/info").json()
        assert (info["gpu"]["code"], info["gpu"]["layers"]) == ("forced", 15)
        assert info["notes"][0].startswith("The graphics card did not take all 30 layers (")


@on_software
def test_a_software_device_is_not_chosen_by_itself(home: Home, variables: dict[str, str]) -> None:
    facts = gpu_facts(home, variables)
    assert facts["used"] is False
    assert "is a software device" in facts["why"]
    listed = run(home, "--list-devices", **variables).stdout
    assert "  Vulkan0: llvmpipe" in listed
    assert gpu_facts(home, variables, "--gpu", "off")["why"].endswith("in the settings.")


@on_software
def test_without_a_driver_that_is_what_is_said(home: Home, variables: dict[str, str]) -> None:
    variables["VK_ICD_FILENAMES"] = str(home.root / "none.json")
    facts = gpu_facts(home, variables)
    assert facts["why"] == (
        "No graphics card is used: there is no graphics driver for Vulkan on this computer."
    )


@pytest.mark.skipif(has_cuda_driver(), reason="this computer has NVIDIA's driver")
def test_without_a_driver_cuda_is_not_even_loaded(home: Home, variables: dict[str, str]) -> None:
    libraries = home.root / "libraries"
    libraries.mkdir()
    for path in LIBRARIES.glob("*.so*"):
        (libraries / path.name).symlink_to(path)
    (libraries / "libggml-cuda.so").write_text("It would be told that this is no library.")
    (libraries / "libggml-vulkan.so").unlink(missing_ok=True)
    facts = gpu_facts(home, variables | {"LLAMAPACK_LIBRARIES": str(libraries)})
    assert facts["why"] == (
        "No graphics card is used: there is no graphics driver for CUDA on this computer."
    )


@on_software
@pytest.mark.timeout(180)
def test_a_forced_device_writes_what_the_processor_writes(
    home: Home, free_port: int, variables: dict[str, str]
) -> None:
    texts = []
    for device in ("off", "Vulkan0"):
        with running(home, free_port, *FIXED, "--gpu", device, **variables) as program:
            program.wait_for("/health", {200})
            url = f"{program.url}/v1/completions"
            reply = httpx.post(url, json=COUNTING, trust_env=False, timeout=150).json()
            texts.append(reply["choices"][0]["text"])
            info = program.get("/llamapack/info").json()
            assert program.stop() == 0
    assert texts[0] == texts[1]
    assert info["hardware"].startswith("llvmpipe")
    assert "all 30 layers" in info["hardware"]
    assert info["gpu"]["code"] == "forced"

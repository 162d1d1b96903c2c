"""Which runtime images a release may have."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from llamapack.image import store

SCRIPT = Path(__file__).resolve().parents[3] / "builder" / "release" / "complete.py"
TARGET = "linux-x86_64"


def add_image(folder: Path, facts: dict[str, object], target: str = TARGET) -> None:
    made = folder / "made"
    (made / "licenses").mkdir(parents=True)
    for name in ("licenses/a.txt", "runtime.tar.zst", "launcher"):
        (made / name).write_text("something")
    whole = {"glibc_floor": "2.28", "gpu": ["vulkan"], "versions": {}, "architectures": ["llama"]}
    store.write_facts(made, target, "0123456789abcdef", whole | facts)
    store.export_image(store.load_image(made), folder / "one.image")
    store.add_image(folder / "one.image")


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLAMAPACK_BUILD_CACHE", str(tmp_path / "cache"))


def complete(*targets: str) -> tuple[int, str]:
    command = [sys.executable, str(SCRIPT), *targets]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stderr


def test_a_whole_image_is_taken(tmp_path: Path) -> None:
    add_image(tmp_path, {})
    assert complete(TARGET) == (0, "")


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        ({"gpu": None}, f"The image for {TARGET} was made without vulkan."),
        ({"gpu": []}, f"The image for {TARGET} was made without vulkan."),
        ({"glibc_floor": "2.36"}, f"The image for {TARGET} needs glibc 2.36, not 2.28."),
    ],
)
def test_a_lesser_image_is_refused(tmp_path: Path, facts: dict[str, object], why: str) -> None:
    add_image(tmp_path, facts)
    code, said = complete(TARGET)
    assert (code, said.strip()) == (1, why)


@pytest.mark.parametrize(
    ("floor", "why"),
    [
        (None, ""),
        ("10.15", ""),
        ("11.0", ""),
        ("14.0", "The image for macos-arm64 needs macOS 14.0, not 11.0."),
    ],
)
def test_a_mac_image_runs_where_its_wheel_says(tmp_path: Path, floor: str | None, why: str) -> None:
    facts: dict[str, object] = {"glibc_floor": None, "gpu": ["metal"], "macos_floor": floor}
    add_image(tmp_path, facts, "macos-arm64")
    code, said = complete("macos-arm64")
    assert (code, said.strip()) == (1 if why else 0, why)


def test_every_target_must_be_there(tmp_path: Path) -> None:
    add_image(tmp_path, {})
    code, said = complete()
    assert code == 1
    assert "There is no runtime image for linux-aarch64. Make it with" in said
    assert "There is no runtime image for windows-x86_64. Make it with" in said

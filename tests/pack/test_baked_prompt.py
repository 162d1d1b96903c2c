"""A pack whose system prompt was read when it was made: no start reads it again, and what is wrong
with the packed state costs time, never the answer."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from llamapack.build import build
from llamapack.errors import BakeError
from llamapack.image.store import load_image
from llamapack.inputs.file import from_file
from llamapack.options import BuildOptions
from llamapack.progress import TerminalReporter
from llamapack_runtime.pack import Pack
from running_pack import clean_environment, running

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

SYSTEM = (
    "You are Ann, the caretaker of this old house by the sea, and know all of its rooms, corners "
    "and stories. You answer in one short sentence. "
) * 10
LEAST_TOKENS = 290
RESTORED = re.compile(r'^llamapack_prompt_tokens_cached_total\{source="restored"\} (\S+)$', re.M)


@dataclass(frozen=True, slots=True)
class Packs:
    baked: Path
    unbaked: Path
    model: Path


@dataclass(frozen=True, slots=True)
class First:
    """The first conversation after a start: its answer, the tokens of its prompt that were not
    read for it, and those that a saved state had (also for the start itself)."""

    answer: str
    cached: int
    restored: int
    printed: str
    saved_files: int


@pytest.fixture(scope="module")
def packs(tmp_path_factory: pytest.TempPathFactory) -> Packs:
    named = [os.environ.get(f"LLAMAPACK_TEST_{name}") for name in ("IMAGE", "MODEL")]
    if not all(named):
        pytest.skip("LLAMAPACK_TEST_IMAGE and LLAMAPACK_TEST_MODEL name none; `make test` does")
    image, model = (Path(name or "").resolve() for name in named)
    folder = tmp_path_factory.mktemp("packs")
    return Packs(
        make(image, model, folder / "baked", bake=True), make(image, model, folder / "un"), model
    )


def make(image: Path, model: Path, output: Path, *, bake: bool = False) -> Path:
    options = BuildOptions(
        from_file(model), output, "linux-x86_64", system_prompt=SYSTEM, bake=bake
    )
    with TerminalReporter() as reporter:
        build(options, lambda _: load_image(image), reporter)
    return output


def first_chat(pack: Path, home: Path, *arguments: str) -> First:
    body = {
        "messages": [{"role": "user", "content": "Who are you?"}],
        "temperature": 0,
        "max_tokens": 24,
    }
    with running(pack, home, arguments=arguments) as started:
        with httpx.Client(base_url=started.url, trust_env=False, timeout=120) as client:
            reply = client.post("/v1/chat/completions", json=body).json()
            metrics = client.get("/metrics").text
        started.stop()
        restored = RESTORED.search(metrics)
        assert restored is not None, metrics
        return First(
            answer=reply["choices"][0]["message"]["content"],
            cached=reply["usage"]["prompt_tokens_details"]["cached_tokens"],
            restored=int(float(restored[1])),
            printed=started.printed,
            saved_files=len(list((home / "cache").glob("states/*.state"))),
        )


@pytest.fixture(scope="module")
def expected(packs: Packs, tmp_path_factory: pytest.TempPathFactory) -> First:
    """Of the pack without the state."""
    return first_chat(packs.unbaked, tmp_path_factory.mktemp("plain") / "home")


def altered(packs: Packs, folder: Path, position: int) -> Path:
    """A copy with one other byte in the state, counted from its start or, if negative, its end."""
    copy = folder / "altered"
    shutil.copy(packs.baked, copy)
    with Pack.open(copy) as opened:
        entry = opened.entry("state/system.state")
    with copy.open("r+b") as file:
        file.seek(entry.data_offset + position % entry.size)
        [byte] = file.read(1)
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte ^ 0x10]))
    return copy


def test_the_first_start_does_not_read_the_prompt(
    packs: Packs, expected: First, home: Path
) -> None:
    first = first_chat(packs.baked, home)
    assert first.cached >= LEAST_TOKENS
    assert first.restored >= LEAST_TOKENS
    assert first.answer == expected.answer
    assert "prompt state" not in first.printed
    assert first.saved_files == 0, "what the pack has need not be kept a second time"
    assert (expected.restored, expected.saved_files) == (0, 1)


def test_the_same_cpu_variant_gives_the_same_bytes(packs: Packs, home: Path) -> None:
    """The first remembers it for the second."""
    states = [home / name for name in ("one", "two")]
    for state in states:
        subprocess.run(
            [packs.unbaked, "--bake-state", state],
            env=clean_environment(home),
            stdout=subprocess.DEVNULL,
            check=True,
        )
    assert states[0].read_bytes() == states[1].read_bytes()


@pytest.mark.parametrize("position", [20, 100, -1])
def test_a_damaged_state_is_computed_again_and_kept(
    packs: Packs, expected: First, tmp_path: Path, home: Path, position: int
) -> None:
    pack = altered(packs, tmp_path, position)
    first = first_chat(pack, home)
    assert (first.answer, first.restored, first.saved_files) == (expected.answer, 0, 1)
    assert first.printed.count("prompt state") == 1
    assert first_chat(pack, home).restored >= LEAST_TOKENS


def test_another_cache_type_computes_its_own(packs: Packs, tmp_path: Path) -> None:
    baked = first_chat(packs.baked, tmp_path / "one", "-ctk", "q8_0")
    unbaked = first_chat(packs.unbaked, tmp_path / "two", "-ctk", "q8_0")
    assert (baked.answer, baked.restored, baked.saved_files) == (unbaked.answer, 0, 1)
    [line] = [line for line in baked.printed.splitlines() if "prompt state" in line]
    assert "another model, engine or cache type" in line


def test_another_model_computes_its_own(packs: Packs, expected: First, home: Path) -> None:
    first = first_chat(packs.baked, home, "--model", str(packs.model))
    assert (first.answer, first.restored, first.saved_files) == (expected.answer, 0, 1)


def test_a_prompt_that_no_conversation_has_room_for_is_refused(
    packs: Packs, tmp_path: Path
) -> None:
    image = Path(os.environ["LLAMAPACK_TEST_IMAGE"])
    options = BuildOptions(
        from_file(packs.model),
        tmp_path / "chat",
        "linux-x86_64",
        system_prompt="never " * 9000,
        bake=True,
    )
    with (
        TerminalReporter() as reporter,
        pytest.raises(
            BakeError, match=r"has 9,\d{3} tokens, but a conversation has room for 8,192"
        ),
    ):
        build(options, lambda _: load_image(image), reporter)
    assert list(tmp_path.iterdir()) == []


def test_a_pack_without_a_prompt_has_no_state(pack: Path, home: Path) -> None:
    ran = subprocess.run(
        [pack, "--bake-state", home / "state"],
        env=clean_environment(home),
        capture_output=True,
        check=False,
        text=True,
    )
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr == "This pack has no system prompt whose state could be kept.\n"
    assert not (home / "state").exists()

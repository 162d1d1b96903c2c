"""`llamapack update` and `llamapack diff`: another runtime, and what else two packs differ in."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from command_line import LAUNCHER, Run, names
from llamapack.image import store
from llamapack_runtime.pack import Pack

NEWER = "f" * 16


@pytest.fixture
def newer(tmp_path: Path, workplace: Path) -> None:  # noqa: ARG001 - the cache must be there
    """Another image in the cache, and none else."""
    folder = tmp_path / "newer"
    (folder / "licenses").mkdir(parents=True)
    (folder / "licenses" / "c.txt").write_text("third")
    (folder / "runtime.tar.zst").write_bytes(b"another runtime" * 999)
    (folder / "launcher").write_bytes(LAUNCHER + b"# newer\n" * 9000)
    facts = {
        "glibc_floor": "2.31",
        "versions": {"llama-cpp-python": "0.4.0"},
        "architectures": ["llama"],
    }
    store.write_facts(folder, "linux-x86_64", NEWER, facts)
    store.export_image(store.load_image(folder), tmp_path / "newer.image")
    store.remove_image("0123456789abcdef")
    store.add_image(tmp_path / "newer.image")


@pytest.fixture
def made(pack: Path, run: Run, newer: None) -> Path:  # noqa: ARG001 - after the pack
    """A pack with presets, made with the older image."""
    Path("owl").write_bytes(b"<svg xmlns='http://www.w3.org/2000/svg'/>")
    assert run("config", pack, "--set", "temp=0.3", "--set", "logo=owl").code == 0
    Path("owl").unlink()
    return pack


def test_it_is_what_a_build_with_the_newer_runtime_would_be(
    made: Path, model: Path, run: Run
) -> None:
    Path("owl").write_bytes(b"<svg xmlns='http://www.w3.org/2000/svg'/>")
    assert run("build", model, "-o", "built", "--set", "temp=0.3", "--logo", "owl").code == 0
    with Pack.open(made) as before:
        old = before.manifest
    assert run("update", made).code == 0
    assert made.read_bytes() == Path("built").read_bytes()
    with Pack.open(made) as after:
        assert after.manifest.runtime.key == NEWER
        assert after.manifest.pack_id == old.pack_id
    assert run("verify", made, "--full").code == 0
    assert os.access(made, os.X_OK)


def test_another_file_can_be_written(made: Path, run: Run) -> None:
    before = made.read_bytes()
    result = json.loads(run("update", made, "-o", "new", "--json").out)
    assert made.read_bytes() == before
    assert (result["runtime_before"], result["runtime_after"]) == ("0123456789abcdef", NEWER)
    assert result["size_bytes"] == Path("new").stat().st_size


def test_a_pack_with_this_runtime_stays_as_it_is(made: Path, run: Run) -> None:
    run("update", made)
    before = made.stat()
    assert "has this runtime already" in run("update", made).out
    assert made.stat().st_mtime_ns == before.st_mtime_ns


def test_a_runtime_that_does_not_know_the_model_is_refused(
    made: Path, tmp_path: Path, run: Run
) -> None:
    facts = tmp_path / "cache" / "images" / f"linux-x86_64-{NEWER}" / store.FACTS
    facts.write_text(facts.read_text().replace('"llama"', '"qwen9"'))
    before = made.read_bytes()
    ran = run("update", made)
    assert (ran.code, "does not know. It stays as it is" in ran.err) == (1, True)
    assert made.read_bytes() == before
    assert names() == ["chat"]


def test_differences_are_named(made: Path, run: Run) -> None:
    run("update", made, "-o", "new")
    run("config", "new", "--set", "temp=0.9")
    ran = run("diff", made, "new")
    assert ran.code == 0
    lines = ran.out.splitlines()
    assert "settings.temp: 0.3 -> 0.9" in lines
    assert f'runtime.key: "0123456789abcdef" -> "{NEWER}"' in lines
    assert any(line.startswith("entry licenses/a.txt: 5 bytes") for line in lines)
    assert not any("model" in line for line in lines)
    assert run("diff", made, "new", "--exit-code").code == 1
    found = json.loads(run("diff", made, "new", "--json").out)
    assert {"where": "settings.temp", "before": 0.3, "after": 0.9} in found


def test_equal_packs_are_the_same(made: Path, run: Run) -> None:
    Path("copy").write_bytes(made.read_bytes())
    ran = run("diff", made, "copy", "--exit-code")
    assert (ran.code, ran.out) == (0, "They are the same.\n")

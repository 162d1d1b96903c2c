"""One folder for several systems: the models once, and a small program for each."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from command_line import LAUNCHER, Run, names
from llamapack.image import store
from llamapack.targets.host import host_name
from llamapack_runtime.pack import Pack

pytestmark = pytest.mark.skipif(
    host_name() != "linux-x86_64", reason="the packs are for this computer and another"
)
BOTH = "linux-x86_64,linux-aarch64"
ARM = b"another launcher"
END = b"stick.llamapack\x0f\x00llamapack-beside"


@pytest.fixture
def arm_image(workplace: Path, tmp_path: Path) -> None:
    add_image(workplace, tmp_path, "0.3.36")


def add_image(workplace: Path, tmp_path: Path, engine: str) -> None:
    made = tmp_path / "made"
    (made / "licenses").mkdir(parents=True)
    (made / "licenses" / "a.txt").write_text("first")
    (made / "licenses" / "b.txt").write_text("another")
    (made / "runtime.tar.zst").write_bytes(b"for ARM")
    (made / "launcher").write_bytes(ARM)
    versions = {"llama-cpp-python": engine}
    facts = {"glibc_floor": "2.31", "versions": versions, "architectures": ["llama"]}
    store.write_facts(made, "linux-aarch64", "fedcba9876543210", facts)
    store.export_image(store.load_image(made), workplace.parent / "arm.image")
    store.add_image(workplace.parent / "arm.image")


def build(run: Run, model: Path, *more: str) -> int:
    return run("build", model, "--shared", "--target", BOTH, "-o", "stick", *more).code


@pytest.mark.usefixtures("arm_image")
def test_the_model_is_there_once(model: Path, run: Run) -> None:
    assert build(run, model) == 0
    assert names() == ["stick"]
    files = {path.name: path for path in Path("stick").iterdir()}
    assert sorted(files) == ["stick-Linux", "stick-Linux-ARM64", "stick.llamapack"]
    assert files["stick-Linux"].read_bytes() == LAUNCHER + END
    assert files["stick-Linux-ARM64"].read_bytes() == ARM + END
    assert all(files[name].stat().st_mode & 0o111 for name in files if "Linux" in name)
    with Pack.open(files["stick.llamapack"]) as pack:
        held = [entry.name for entry in pack.entries]
        assert held.count("model/Tiny Model.gguf") == 1
        assert {"runtime/linux-x86_64.tar.zst", "runtime/linux-aarch64.tar.zst"} <= set(held)
        assert pack.read("licenses/b.txt", 99) == b"second"
        assert pack.read("licenses/b-linux-aarch64.txt", 99) == b"another"
        assert "licenses/a-linux-aarch64.txt" not in held
        [further] = pack.manifest.runtimes
        assert (further.key, further.glibc_floor) == ("fedcba9876543210", "2.31")


@pytest.mark.usefixtures("arm_image")
def test_every_file_of_it_is_the_pack(model: Path, run: Run) -> None:
    assert build(run, model) == 0
    for path in Path("stick").iterdir():
        told = run("inspect", path)
        assert told.code == 0
        assert "linux-x86_64" in told.out
        assert "linux-aarch64" in told.out
        assert run("verify", path, "--full").code == 0
    assert run("config", "stick/stick-Linux", "--set", "temp=0.5").code == 0
    assert json.loads(run("inspect", "stick/stick-Linux-ARM64", "--json").out)["settings"] == {
        "temp": 0.5
    }
    ran = run("update", "stick/stick-Linux")
    assert (ran.code, "Build it anew" in ran.err) == (1, True)


@pytest.mark.usefixtures("arm_image")
def test_it_is_the_same_pack_as_one_for_a_single_system(model: Path, run: Run) -> None:
    facts = json.loads(run("build", model, "-o", "alone", "--json").out)
    ran = run("build", model, "--shared", "--target", BOTH, "-o", "stick", "--json")
    shared = json.loads(ran.out)
    assert shared["pack_id"] == facts["pack_id"]
    assert shared["targets"] == BOTH.split(",")
    assert shared["files"] == ["stick-Linux", "stick-Linux-ARM64", "stick.llamapack"]
    sizes = [(Path("stick") / name).stat().st_size for name in shared["files"]]
    assert shared["size_bytes"] == sum(sizes)


@pytest.mark.usefixtures("arm_image")
def test_an_older_one_is_replaced_and_nothing_else(model: Path, run: Run) -> None:
    assert build(run, model) == 0
    before = {path.name: path.read_bytes() for path in Path("stick").iterdir()}
    assert build(run, model) == 0
    assert {path.name: path.read_bytes() for path in Path("stick").iterdir()} == before
    (Path("stick") / "notes.txt").write_text("mine")
    ran = run("build", model, "--shared", "--target", BOTH, "-o", "stick", "--force")
    assert (ran.code, "holds notes.txt, which is not of a pack" in ran.err) == (1, True)
    assert (Path("stick") / "notes.txt").read_text() == "mine"
    assert names() == ["stick"]


@pytest.mark.usefixtures("arm_image")
def test_a_failure_leaves_nothing(model: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("llamapack.writing.packwriter._write_end", fail)
    assert build(run, model) == 1
    assert names() == []


def test_different_engines_are_refused(
    workplace: Path, tmp_path: Path, model: Path, run: Run
) -> None:
    add_image(workplace, tmp_path, "0.3.40")
    ran = run("build", model, "--shared", "--target", BOTH, "-o", "stick")
    assert (ran.code, "different engines" in ran.err, names()) == (1, True, [])


@pytest.mark.usefixtures("arm_image")
@pytest.mark.parametrize("other", ["--readme", "--dry-run"])
def test_what_does_not_go_together_is_said(model: Path, run: Run, other: str) -> None:
    assert build(run, model, other) == 2
    assert names() == []

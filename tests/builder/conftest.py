"""A runtime image in a cache of the test's own, a model, a pack, and the command line."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

# Some tests put another table of targets into place: what is first imported then would keep it.
import llamapack.build_command
import llamapack.packs.change_commands  # noqa: F401
from command_line import LAUNCHER, Ran, Run
from llamapack.cli import main
from llamapack.image import store
from make_gguf import make_gguf


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("models") / "Tiny Model.gguf"
    return make_gguf(path, name="Tiny", license_name="mit", n_layers=2)


@pytest.fixture(scope="session")
def image_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `llamapack runtime add` takes."""
    folder = tmp_path_factory.mktemp("image")
    made = folder / "made"
    (made / "licenses").mkdir(parents=True)
    (made / "licenses" / "b.txt").write_text("second")
    (made / "licenses" / "a.txt").write_text("first")
    (made / "runtime.tar.zst").write_bytes(bytes(range(256)) * 5000)
    (made / "launcher").write_bytes(LAUNCHER)
    facts = {
        "glibc_floor": "2.28",
        "versions": {"llama-cpp-python": "0.3.36"},
        "architectures": ["llama", "bert", "clip"],
    }
    store.write_facts(made, "linux-x86_64", "0123456789abcdef", facts)
    store.export_image(store.load_image(made), folder / "file.image")
    return folder / "file.image"


@pytest.fixture
def workplace(tmp_path: Path, image_file: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder, on a machine whose cache holds a runtime image."""
    monkeypatch.setenv("LLAMAPACK_BUILD_CACHE", str(tmp_path / "cache"))
    store.add_image(image_file)
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    return work


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str]) -> Iterator[Run]:
    """Run a command line in this process."""
    before = signal.getsignal(signal.SIGTERM)

    def run_main(*arguments: str | Path) -> Ran:
        capfd.readouterr()
        code = main([str(argument) for argument in arguments])
        out, err = capfd.readouterr()
        return Ran(code, out, err)

    yield run_main
    signal.signal(signal.SIGTERM, before)


@pytest.fixture
def pack(workplace: Path, model: Path, run: Run) -> Path:
    assert run("build", model, "-o", "chat").code == 0
    return workplace / "chat"

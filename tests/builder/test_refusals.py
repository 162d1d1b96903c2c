"""What `llamapack build` refuses: one plain sentence, an exit code, and nothing left behind."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import gguf
import pytest

from command_line import Run, names
from gguf_bytes import LLAMA, Typed, gguf_bytes
from llamapack.errors import ChangedError, OutputError
from llamapack.writing.copying import FileState
from llamapack.writing.newfile import check_target, new_file
from llamapack.writing.packwriter import write_pack
from llamapack.writing.source import Source
from llamapack_runtime.pack import EntrySum
from make_gguf import make_gguf

pytestmark = pytest.mark.usefixtures("workplace")


def refused(run: Run, *arguments: str | Path, code: int = 1) -> str:
    """The message. What was there before is all there is afterwards."""
    before = {path: path.stat().st_mtime_ns for path in Path().rglob("*")}
    ran = run("build", *arguments)
    assert (ran.code, ran.out) == (code, "")
    assert {path: path.stat().st_mtime_ns for path in Path().rglob("*")} == before
    assert ran.err.startswith("Error: ")
    return ran.err


def big_endian(path: Path) -> None:
    writer = gguf.GGUFWriter(path, "llama", endianess=gguf.GGUFEndian.BIG)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()


BAD_MODELS = {
    "text": (b"hello", "is not a GGUF file"),
    "empty": (b"", "is not a GGUF file"),
    "truncated": (gguf_bytes()[:-100], "100 bytes are missing"),
    "version": (gguf_bytes(version=9), "GGUF of version 9"),
    "architecture": (
        gguf_bytes({"general.architecture": "nonsense"}),
        "'nonsense', which the llama.cpp in this runtime (llama-cpp-python 0.3.36) does not know",
    ),
    "split": (
        gguf_bytes({**LLAMA, "split.count": Typed(2, 4), "split.no": Typed(2, 1)}),
        "part 2 of a model in 4 files, and its name does not lead to the others",
    ),
    "adapter": (gguf_bytes({**LLAMA, "general.type": "adapter"}), "is a LoRA adapter"),
    "projector": (gguf_bytes({"general.architecture": "clip"}), "image or sound projector"),
    "weights": (gguf_bytes(tensors=[]), "holds no weights"),
}


@pytest.mark.parametrize(("data", "part"), BAD_MODELS.values(), ids=BAD_MODELS)
def test_a_model_that_cannot_be_packed(run: Run, data: bytes, part: str) -> None:
    Path("bad.gguf").write_bytes(data)
    message = refused(run, "bad.gguf")
    assert part in message
    assert "bad.gguf" in message


def test_a_big_endian_model(run: Run) -> None:
    big_endian(Path("big.gguf"))
    assert "big-endian" in refused(run, "big.gguf")


def test_a_missing_model(run: Run) -> None:
    assert "Cannot read none.gguf: No such file or directory." in refused(run, "none.gguf")


def test_a_folder_as_model(run: Run) -> None:
    Path("folder").mkdir()
    assert "The folder folder is empty" in refused(run, "folder", "-o", "x")


def test_a_pack_as_model(run: Run, pack: Path) -> None:
    assert "is a pack already" in refused(run, pack, "-o", "again")


def test_the_model_as_output(run: Run, model: Path) -> None:
    shutil.copyfile(model, "m.gguf")
    assert "is the model itself" in refused(run, "m.gguf", "-o", "./m.gguf", "--force")


def test_a_folder_as_output(run: Run, model: Path) -> None:
    Path("out").mkdir()
    assert "out is a folder" in refused(run, model, "-o", "out")


def test_an_output_in_a_missing_folder(run: Run, model: Path) -> None:
    assert "The folder no does not exist" in refused(run, model, "-o", "no/chat")


def test_a_device_as_output(run: Run, model: Path) -> None:
    assert "not a regular file" in refused(run, model, "-o", "/dev/null", "--force")


def test_a_folder_that_is_not_writable() -> None:
    """As an ordinary user where we are root, who may write everywhere."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o555)
        with _ordinary_user(), pytest.raises(OutputError, match="is not writable"):
            check_target(Path(folder) / "chat")


def test_a_name_of_two_lines(run: Run, model: Path) -> None:
    assert "one line" in refused(run, model, "--name", "a\nb", code=2)


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    options = ["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(disk)]
    if (
        sys.platform == "win32"
        or os.geteuid() != 0
        or subprocess.run(options, check=False, capture_output=True).returncode
    ):
        pytest.skip("mounting a small disk needs root")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_a_disk_that_is_too_small(run: Run, model: Path, full_disk: Path) -> None:
    message = refused(run, model, "-o", full_disk / "chat")
    assert "but its disk has only" in message
    assert names(full_disk) == []


def test_a_disk_that_becomes_full(full_disk: Path) -> None:
    with pytest.raises(OutputError, match="disk became full"):
        _write_for_ever(full_disk / "chat")
    assert names(full_disk) == []


def test_an_older_pack_stays_when_the_build_fails(run: Run, pack: Path) -> None:
    before = pack.read_bytes()
    Path("bad.gguf").write_bytes(gguf_bytes()[:-1])
    assert run("build", "bad.gguf", "-o", pack).code == 1
    assert pack.read_bytes() == before


def test_a_model_that_changes_meanwhile(tmp_path: Path) -> None:
    model = make_gguf(tmp_path / "m.gguf")
    launcher = tmp_path / "launcher"
    launcher.write_bytes(b"x")
    launcher_source = Source.of_file("", launcher, FileState.of(launcher))
    source = Source.of_file("model/m.gguf", model, FileState.of(model))

    def touch(_: int) -> None:
        os.utime(model, ns=(1, 1))

    with pytest.raises(ChangedError, match="changed while it was being read"):
        write_pack(Path("chat"), launcher_source, [source], _no_manifest, touch)
    assert names() == []


@contextlib.contextmanager
def _ordinary_user() -> Iterator[None]:
    if sys.platform == "win32":
        pytest.skip("ordinary users are a matter of POSIX")
    us = os.geteuid()
    if us == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(us)


def _write_for_ever(path: Path) -> None:
    with new_file(path, 0, 0o644) as file:
        while True:
            file.write(bytes(1 << 16))


def _no_manifest(_launcher: EntrySum, _entries: Sequence[EntrySum]) -> bytes:
    return b"{}\n"

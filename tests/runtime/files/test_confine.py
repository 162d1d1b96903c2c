"""What a child that reads a document cannot do any more. Tried in processes of their own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3] / "runtime"

BEFORE = """
import json, sys
sys.path.insert(0, sys.argv[1])
import ctypes, os, shutil, socket, subprocess, tempfile, urllib.request, zlib
from pathlib import Path
from llamapack_runtime.files.confine import Forbidden, confine
folder = Path(sys.argv[2])
(folder / "there").write_text("there")
confine()
"""
TRY_ALL = """
results = {}
for code in json.loads(sys.argv[3]):
    try:
        exec(code)
        results[code] = "done"
    except Forbidden:
        results[code] = "forbidden"
print(json.dumps(results))
"""
FORBIDDEN = [
    "socket.socket()",
    "socket.create_connection(('127.0.0.1', 9))",
    "urllib.request.urlopen('http://127.0.0.1:9/')",
    "subprocess.run(['true'])",
    "os.system('true')",
    "os.fork()",
    "os.execv('/bin/true', ['true'])",
    "os.posix_spawn('/bin/true', ['true'], {})",
    "(folder / 'new').write_text('x')",
    "open(folder / 'there', 'a')",
    "open(folder / 'there', 'r+')",
    "os.open(folder / 'new', os.O_CREAT | os.O_WRONLY)",
    "os.remove(folder / 'there')",
    "os.rename(folder / 'there', folder / 'gone')",
    "os.mkdir(folder / 'new')",
    "os.symlink('/', folder / 'new')",
    "os.chmod(folder / 'there', 0o777)",
    "shutil.rmtree(folder)",
    "tempfile.TemporaryFile()",
    "ctypes.CDLL(None)",
]
ALLOWED = [
    "(folder / 'there').read_text()",
    "import colorsys",
    "zlib.decompress(zlib.compress(b'x'))",
]


def confined(code: str, folder: Path, *arguments: str) -> str:
    command = [sys.executable, "-c", BEFORE + code, str(ROOT), str(folder), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What became of each attempt, all in one process; they leave the folder as it was."""
    folder = tmp_path_factory.mktemp("confined")
    said: dict[str, str] = json.loads(confined(TRY_ALL, folder, json.dumps(FORBIDDEN + ALLOWED)))
    assert [path.name for path in folder.iterdir()] == ["there"]
    return said


@pytest.mark.parametrize("code", FORBIDDEN)
def test_nothing_is_written_started_or_called(code: str, results: dict[str, str]) -> None:
    assert results[code] == "forbidden"


@pytest.mark.parametrize("code", ALLOWED)
def test_reading_and_importing_go_on(code: str, results: dict[str, str]) -> None:
    assert results[code] == "done"


@pytest.mark.skipif(sys.platform != "linux", reason="the system has no such limit")
def test_memory_has_an_end(tmp_path: Path) -> None:
    code = """
taken = []
try:
    while len(taken) < 2_000:
        taken.append(bytearray(1 << 20))
except MemoryError:
    print(len(taken))
"""
    assert 400 < int(confined(code, tmp_path)) <= 512


@pytest.mark.skipif(sys.platform == "win32", reason="the system has no such limit")
def test_a_limit_cannot_be_raised_again(tmp_path: Path) -> None:
    code = """
import resource
try:
    resource.setrlimit(resource.RLIMIT_DATA, (1 << 40, 1 << 40))
except (ValueError, OSError, Forbidden):
    print("forbidden")
"""
    assert confined(code, tmp_path) == "forbidden\n"

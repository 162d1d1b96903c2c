"""A Windows pack as its recipient has it, under Wine. `make test-windows` runs this."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from openai import OpenAI

import needs
from llamapack.image.folders import build_cache
from llamapack.image.wine import windows_path
from make_gguf import make_gguf_of_size
from running_pack import free_port
from wine_pack import Computer, is_ready, wait_until

pytestmark = [pytest.mark.slow, needs.WINDOWS_PACK, pytest.mark.usefixtures("nothing_runs")]
TARGET = "windows-x86_64"
MIB, GIB = 2**20, 2**30


def build(model: Path, output: Path, *more: str, folder: Path | None = None) -> str:
    """What it said."""
    words = [sys.executable, "-m", "llamapack", "build", str(model), "--target", TARGET]
    words += ["-o", str(output)]
    done: subprocess.CompletedProcess[str] = subprocess.run(
        [*words, *more], cwd=folder, check=True, capture_output=True, text=True, timeout=100
    )
    return done.stderr + done.stdout


def test_a_double_click_opens_the_page_and_a_second_one_the_same(
    computer: Computer, pack: Path
) -> None:
    computer.opened.write_text("")
    computer.run("start", pack)
    wait_until(lambda: computer.opened.read_text().count("\n") == 1)
    url = computer.opened.read_text().strip().rstrip("/")
    assert "<html" in httpx.get(url, trust_env=False, follow_redirects=True).text
    wait_until(lambda: is_ready(url))
    computer.run("start", pack)
    wait_until(lambda: computer.opened.read_text().count("\n") == 2)
    first, second = computer.opened.read_text().split()
    assert httpx.URL(first).port == httpx.URL(second).port


def test_a_chat_is_streamed_and_the_model_stays_inside_the_file(
    computer: Computer, pack: Path
) -> None:
    with computer.serving(pack) as url:
        client = OpenAI(base_url=f"{url}/v1", api_key="none")
        stream = client.chat.completions.create(
            model="any",
            messages=[{"role": "user", "content": "Say hello."}],
            max_tokens=12,
            temperature=0,
            stream=True,
        )
        pieces = [chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices]
        assert len([piece for piece in pieces if piece]) > 3
        assert mapped_bytes(pack) > 50 * MIB
        largest = max(path.stat().st_size for path in computer.user_folder.rglob("*"))
        assert largest < 50 * MIB  # the Vulkan library's shaders


def test_a_file_whose_path_has_300_characters_serves_and_tells_of_itself(
    computer: Computer, pack: Path, tmp_path: Path
) -> None:
    deep = tmp_path
    while len(windows_path(deep)) < 300:
        deep /= "Übung " * 5 + "练习"
    deep.mkdir(parents=True)
    program = Path(shutil.move(pack, deep / "chat.exe"))
    assert computer.facts(program)["pack"]["executable"].endswith("练习\\chat.exe")
    with computer.serving(program) as url:
        client = OpenAI(base_url=f"{url}/v1", api_key="none")
        answer = client.completions.create(model="any", prompt="One, two,", max_tokens=4)
        assert answer.choices[0].text


def mapped_bytes(path: Path) -> int:
    """The most that one process has mapped of the file."""
    most = 0
    for maps in Path("/proc").glob("[0-9]*/maps"):
        try:
            lines = maps.read_text().splitlines()
        except OSError:
            continue
        ranges = [line.split()[0].split("-") for line in lines if line.endswith(path.name)]
        most = max(most, sum(int(end, 16) - int(start, 16) for start, end in ranges))
    return most


def test_ctrl_c_in_a_terminal_ends_it_with_its_exit_code(computer: Computer, pack: Path) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    assert computer.interrupted(pack, url) == {"code": 130, "answers": False}


def test_nothing_outlives_the_program(computer: Computer, pack: Path) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    assert computer.run("end", pack, url)["answers"] is False


def test_a_file_that_was_cut_off_says_so_in_a_window(computer: Computer, pack: Path) -> None:
    os.truncate(pack, pack.stat().st_size - 1000)
    said = computer.run("dialog", pack)
    assert (said["code"], "chat.exe is not a complete llamapack file" in said["text"]) == (65, True)


def test_a_changed_byte_says_so_in_a_window(computer: Computer, pack: Path) -> None:
    with pack.open("r+b") as file:
        file.seek(-200, os.SEEK_END)  # in the directory
        file.write(b"?")
    said = computer.run("dialog", pack)
    assert (said["code"], "was damaged or altered" in said["text"]) == (65, True)


def test_the_same_inputs_give_the_same_bytes_in_any_folder(pack: Path, tmp_path: Path) -> None:
    other = tmp_path / "elsewhere"
    other.mkdir()
    model = Path(os.environ["LLAMAPACK_TEST_MODEL"])
    build(model, Path("a.exe"), "--name", "SmolLM2 135M", folder=other)
    assert (other / "a.exe").read_bytes() == pack.read_bytes()


@pytest.mark.timeout(600)
def test_over_4_gib_it_is_two_files_that_belong_together(
    computer: Computer, tmp_path: Path
) -> None:
    model = Path(os.environ["LLAMAPACK_TEST_MODEL"])
    program = tmp_path / "large.exe"
    said = build(model, program, "--with", f"large={large_model()}")
    beside = tmp_path / "large.llamapack"
    assert "starts no program of 4 GiB or more" in said
    assert (program.stat().st_size < MIB, beside.stat().st_size > 4 * GIB) == (True, True)
    with computer.serving(program) as url:
        client = OpenAI(base_url=f"{url}/v1", api_key="none")
        first = client.models.list().data[0].id
        answer = client.completions.create(model=first, prompt="One, two,", max_tokens=4)
        assert answer.choices[0].text
    beside.rename(tmp_path / "larger.llamapack")
    said_now = computer.run("dialog", program)
    assert said_now["code"] == 65
    assert "large.exe needs the file large.llamapack beside it" in said_now["text"]


def large_model() -> Path:
    """One that nobody loads, a bit over 4 GiB; written once for each computer."""
    path = build_cache() / "models" / "over-4-gib.gguf"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        work = path.with_suffix(".work")
        make_gguf_of_size(work, 4 * GIB + 50 * MIB)
        work.rename(path)
    assert path.stat().st_size > 4 * GIB
    return path

"""Command lines of other servers, and the cost of processes."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from bench.process_tree import cpu_seconds, memory_bytes
from bench.servers import Program, Shape

PROGRAM = Program("serve -m {model} -t {threads} -c {ctx} -np {parallel}", Path("/m"), Path("/s"))


def test_a_command_line_is_filled_in() -> None:
    words = PROGRAM.words(Shape(parallel=8, ctx=4096, threads=2), 80)
    assert " ".join(words) == "serve -m /m -t 2 -c 4096 -np 8"


def test_threads_that_are_left_to_the_server_are_left_out_with_their_flag() -> None:
    words = PROGRAM.words(Shape(parallel=8, ctx=4096, threads=None), 80)
    assert " ".join(words) == "serve -m /m -c 4096 -np 8"


def test_more_arguments_are_part_of_the_name() -> None:
    assert PROGRAM.having("--spec-type", "x y").name == "llama-server --spec-type x y"


@pytest.mark.skipif(sys.platform != "linux", reason="reads Linux's /proc")
def test_a_process_has_memory_and_processor_time(tmp_path: Path) -> None:
    assert memory_bytes(os.getpid(), without=tmp_path) > 1_000_000
    assert cpu_seconds(os.getpid()) > 0

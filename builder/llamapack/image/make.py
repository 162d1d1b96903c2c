"""Makes a runtime image: native libraries, frozen runtime, archive, launcher, facts, licences."""

from __future__ import annotations

import hashlib
import importlib.metadata
import shutil
from pathlib import Path

from llamapack.image import store
from llamapack.image.archive import LEVEL, write_archive
from llamapack.image.elf import glibc_floor
from llamapack.image.errors import ImageError
from llamapack.image.folders import fill_once
from llamapack.image.freeze import EXCLUDED, HIDDEN, freeze, locked_versions
from llamapack.image.gemm import gemm_inputs, gemm_library
from llamapack.image.host_python import host_interpreter
from llamapack.image.interpreter import Interpreter
from llamapack.image.launcher import build_launcher
from llamapack.image.packages import install_packages
from llamapack.image.project import digest, launcher_source, runtime_source, web_source
from llamapack.image.sources import source_folder, source_version
from llamapack.image.steps import Report, Stopwatch
from llamapack.image.system import require_programs
from llamapack.image.tools import lock_key, tool_environment
from llamapack.image.wheel import NativeWheel, native_wheel, wheel_key
from llamapack.targets.host import host_target
from llamapack.targets.table import target_named
from llamapack.targets.types import Target


def image_key(target: str) -> str:
    """Sixteen hex digits over everything that goes into the image of `target`. TargetError."""
    known = target_named(target)
    sources = [runtime_source() / "llamapack_runtime", web_source(), launcher_source()]
    recipes = tuple(
        Path(__file__).parent / name for name in ("freeze.py", "packages.py", "launcher.py")
    )
    inputs = [
        wheel_key(known),
        gemm_inputs(known),
        str(known.launcher),
        lock_key("freeze"),
        digest(sources),
        *(hashlib.sha256(recipe.read_bytes()).hexdigest() for recipe in recipes),
        source_version("zstandard"),
        str((LEVEL, EXCLUDED, HIDDEN)),
    ]
    return hashlib.sha256("\n".join(inputs).encode()).hexdigest()[:16]


def make_image(target: str, report: Report) -> store.RuntimeImage:
    """Make the image and keep it. Raises ImageError or TargetError and leaves nothing
    half-made."""
    if target != host_target():
        raise ImageError(
            f"This computer makes images for {host_target()} only. Build the image for {target} "
            "where it runs, then take it in with 'llamapack runtime add FILE'."
        )
    require_programs(report)
    known = target_named(target)
    wheel = native_wheel(known, report)
    key = image_key(target)
    watch = Stopwatch()
    folder = fill_once(
        store.images_folder() / f"{target}-{key}",
        lambda work: _fill(work, known, key, wheel, report),
    )
    image = store.load_image(folder)
    freed = store.remove_unused_images()
    if freed:
        mb = sum(freed.values()) / 1e6
        report(f"Removed the runtime images {', '.join(freed)}, unused for a month: {mb:.0f} MB")
    size_mb = image.size_bytes / 1e6
    report(f"Made the runtime image {target} {key}: {size_mb:.1f} MB in {watch.seconds:.0f} s")
    return image


def _fill(work: Path, target: Target, key: str, wheel: NativeWheel, report: Report) -> None:
    tree = work / "tree"
    licenses = work / "licenses"
    licenses.mkdir()
    gemm = gemm_library(target, wheel, report)
    tools = tool_environment(report)
    interpreter = host_interpreter(work / "python")
    packages = work / "packages"
    install_packages(tools, target, interpreter.version, wheel.path, packages)
    freeze(interpreter, packages, gemm.libraries, tree, licenses, report)
    floor = glibc_floor(tree)
    report("Compressing the runtime")
    write_archive(tree, work / store.ARCHIVE)
    for done in (tree, packages, work / "python"):
        shutil.rmtree(done)
    zstd = source_folder("zstandard", tools, report) / "zstd"
    build_launcher(target, tools.zig, zstd, work / store.LAUNCHER)
    for path in (*wheel.licenses, gemm.license):
        shutil.copyfile(path, licenses / path.name)
    shutil.copyfile(zstd / "LICENSE", licenses / "zstd.txt")
    facts = {
        "glibc_floor": floor,
        "versions": _versions(interpreter),
        "architectures": sorted(wheel.architectures),
    }
    store.write_facts(work, target.name, key, facts)


def _versions(interpreter: Interpreter) -> dict[str, str]:
    return {
        "llamapack": importlib.metadata.version("llamapack"),
        "llama-cpp-python": source_version("llama-cpp-python"),
        "python": interpreter.version,
    } | {name: version for name, version in locked_versions().items() if name in SHIPPED}


SHIPPED = ("starlette", "uvicorn", "jinja2", "msgspec", "pyinstaller")

"""Makes a runtime image: native libraries, frozen runtime, archive, launcher, facts, licences."""

from __future__ import annotations

import hashlib
import importlib.metadata
import shutil
from collections.abc import Iterable
from pathlib import Path

from llamapack.image import store
from llamapack.image.archive import LEVEL, write_archive
from llamapack.image.elf import glibc_floor, spare_weak_versions
from llamapack.image.errors import ImageError, MissingPackagesError
from llamapack.image.folders import fill_once
from llamapack.image.freeze import EXCLUDED, HIDDEN, PROGRAM, freeze, locked_versions
from llamapack.image.gemm import gemm_inputs, gemm_library
from llamapack.image.host_python import host_interpreter
from llamapack.image.interpreter import Interpreter
from llamapack.image.launcher import build_launcher
from llamapack.image.mac_signing import identity, sign_tree
from llamapack.image.macho import macos_floor
from llamapack.image.other_processor import exchange_compiled
from llamapack.image.packages import install_packages
from llamapack.image.project import digest, launcher_source, runtime_source, web_source
from llamapack.image.pythons import (
    can_make,
    freezing_target,
    interpreter_for,
    other_python,
    python_inputs,
)
from llamapack.image.sources import source_folder, source_version
from llamapack.image.steps import Report, Stopwatch
from llamapack.image.system import require_programs
from llamapack.image.tools import lock_key, tool_environment
from llamapack.image.vulkan import VULKAN, VulkanLibrary, vulkan_inputs, vulkan_library
from llamapack.image.wheel import NativeWheel, native_wheel, wheel_key
from llamapack.targets.host import host_name, host_target
from llamapack.targets.table import target_named
from llamapack.targets.types import Target

_RECIPES = ("elf.py", "freeze.py", "launcher.py", "other_processor.py", "packages.py")
_MAC_RECIPES = ("mac_libraries.py", "mac_signing.py")


def image_keys(target: str) -> tuple[str, ...]:
    """Of the image as it should be; then as it is where its GPU library cannot be compiled, and
    where the packer's own Python is frozen."""
    choices = ((True, False), (False, False), (True, True), (False, True))
    keys = (image_key(target, has_gpu=gpu, is_own_python=own) for gpu, own in choices)
    return tuple(dict.fromkeys(keys))


def image_key(target: str, *, has_gpu: bool = True, is_own_python: bool = False) -> str:
    """Sixteen hex digits over everything that goes into the image of `target`. TargetError."""
    known = target_named(target)
    gpu = [vulkan_inputs(known)] if has_gpu and VULKAN in known.gpu else []
    sources = [runtime_source() / "llamapack_runtime", web_source(), launcher_source()]
    is_for_mac = known.system == "macos"
    names = (*_RECIPES, *(_MAC_RECIPES if is_for_mac else ()))
    recipes = tuple(Path(__file__).parent / name for name in names)
    inputs = [
        wheel_key(known),
        gemm_inputs(known),
        *gpu,
        *((identity(),) if is_for_mac else ()),
        python_inputs(known, is_own=is_own_python and known.name == host_name()),
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
    known = target_named(target)
    if not can_make(known):
        raise ImageError(
            f"{host_target()} makes no images for {target}. Build the image where it runs, then "
            "take it in with 'llamapack runtime add FILE'."
        )
    if known.system == "macos":
        report("That llamapack makes runtime images on a Mac is written but was not tried yet")
    require_programs(report)
    interpreter = interpreter_for(known, report)
    wheel = native_wheel(known, report)
    vulkan = _vulkan(known, wheel, report)
    key = image_key(target, has_gpu=vulkan is not None, is_own_python=interpreter is None)
    watch = Stopwatch()
    folder = fill_once(
        store.images_folder() / f"{target}-{key}",
        lambda work: _fill(work, known, key, wheel, vulkan, interpreter, report),
    )
    image = store.load_image(folder)
    freed = store.remove_unused_images()
    if freed:
        mb = sum(freed.values()) / 1e6
        report(f"Removed the runtime images {', '.join(freed)}, unused for a month: {mb:.0f} MB")
    size_mb = image.size_bytes / 1e6
    report(f"Made the runtime image {target} {key}: {size_mb:.1f} MB in {watch.seconds:.0f} s")
    return image


def _vulkan(target: Target, wheel: NativeWheel, report: Report) -> VulkanLibrary | None:
    """None where it cannot be compiled, which is said."""
    if VULKAN not in target.gpu:
        return None
    try:
        return vulkan_library(target, wheel, report)
    except MissingPackagesError as error:
        report(
            f"The runtime image is made without Vulkan, so that it uses no graphics processor: "
            f"{error}. On Debian 12 or newer it is made with Vulkan, by 'llamapack runtime build "
            "-o FILE', and 'llamapack runtime add FILE' takes that one in."
        )
        return None


def _fill(
    work: Path,
    target: Target,
    key: str,
    wheel: NativeWheel,
    vulkan: VulkanLibrary | None,
    interpreter: Interpreter | None,
    report: Report,
) -> None:
    licenses = work / "licenses"
    licenses.mkdir()
    gemm = gemm_library(target, wheel, report)
    tools = tool_environment(report)
    interpreter = interpreter or host_interpreter(work / "python")
    gpu = () if vulkan is None else (vulkan,)
    libraries = (*gemm.libraries, *(one.library for one in gpu))
    tree = _frozen(work, target, wheel, interpreter, libraries, report)
    spare_weak_versions(tree)
    floors = {"glibc_floor": glibc_floor(tree)}
    if target.system == "macos":
        floors["macos_floor"] = macos_floor(tree)
        sign_tree(tree, work)
    report("Compressing the runtime")
    write_archive(tree, work / store.ARCHIVE)
    for done in (tree, work / "python"):
        shutil.rmtree(done, ignore_errors=True)
    zstd = source_folder("zstandard", tools, report) / "zstd"
    build_launcher(target, tools.zig, zstd, work / store.LAUNCHER)
    texts = (*wheel.licenses, *gemm.licenses, *(text for one in gpu for text in one.licenses))
    for path in texts:
        shutil.copyfile(path, licenses / path.name)
    shutil.copyfile(zstd / "LICENSE", licenses / "zstd.txt")
    facts = floors | {
        "versions": _versions(interpreter)
        | dict(gemm.versions)
        | {name: at for one in gpu for name, at in one.versions.items()},
        "architectures": sorted(wheel.architectures),
        "gpu": ["metal"] if target.system == "macos" else [VULKAN for _ in gpu],
    }
    store.write_facts(work, target.name, key, facts)


def _frozen(
    work: Path,
    target: Target,
    wheel: NativeWheel,
    interpreter: Interpreter,
    libraries: Iterable[Path],
    report: Report,
) -> Path:
    """The folder with the frozen runtime; licence texts go beside it."""
    tools, freezing = tool_environment(report), freezing_target(target)
    tree, packages = work / "tree", work / "packages"
    install_packages(tools, freezing, interpreter.version, wheel.path, packages)
    freeze(target.system, interpreter, packages, libraries, tree, work / "licenses", report)
    if freezing is not target:
        shutil.rmtree(packages)
        install_packages(tools, target, interpreter.version, wheel.path, packages)
        python = other_python(target, report)
        exchange_compiled(tree, PROGRAM, freezing.machine, target, python, packages)
    shutil.rmtree(packages)
    return tree


def _versions(interpreter: Interpreter) -> dict[str, str]:
    return {
        "llamapack": importlib.metadata.version("llamapack"),
        "llama-cpp-python": source_version("llama-cpp-python"),
        "python": interpreter.version,
    } | {name: version for name, version in locked_versions().items() if name in SHIPPED}


SHIPPED = ("starlette", "uvicorn", "jinja2", "msgspec", "pyinstaller")

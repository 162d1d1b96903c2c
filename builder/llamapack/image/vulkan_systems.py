"""What each operating system asks of the Vulkan library's build, and what it is linked to in place
of the Vulkan loader, so that none has to be installed where it is compiled."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from llamapack.image.project import vulkan_source
from llamapack.image.steps import run
from llamapack.image.tools import Environment
from llamapack.targets.types import System, Target

_STEP = "Making what stands for the Vulkan loader"
# zig's own libc++ is inside; nothing of it may meet that of the other libraries.
_SYMBOLS = "{ global: ggml_backend_init; local: *; };\n"
# CMake would ask for the library itself beside what the linker reads.
_LINKED_AS_IT_IS = 'set(CMAKE_IMPORT_LIBRARY_SUFFIX "")\n'


@dataclass(frozen=True, slots=True)
class VulkanSystem:
    """`library` is its file name, `base` what the native wheel has to link it to. `stand_in` makes
    what stands for the loader in a folder. `include` is CMake code besides the native library's
    own, `link` what the linker is told, of the folder too, and `inputs` change with all of it."""

    library: str
    base: str
    stand_in: Callable[[Path, Environment, Target], Path]
    link: Callable[[Path], str]
    include: str
    inputs: Sequence[str]


def vulkan_system(target: Target) -> VulkanSystem:
    return _SYSTEMS[target.system]


def _library_of_its_name(folder: Path, tools: Environment, target: Target) -> Path:
    made, source = folder / "libvulkan.so.1", vulkan_source() / "loader.c"
    command = [*tools.zig, "cc", "-target", target.library_triple]
    command += ["-shared", f"-Wl,-soname,{made.name}", "-o", str(made), str(source)]
    run(_STEP, command, environment=tools.variables())
    return made


def _list_of_its_functions(folder: Path, tools: Environment, _: Target) -> Path:
    made, listed = folder / "libvulkan-1.a", folder / "vulkan-1.def"
    source = (vulkan_source() / "loader.c").read_text(encoding="utf-8")
    names = "\n".join(re.findall(r"^void (vk\w+)\(", source, re.MULTILINE))
    listed.write_text(f"LIBRARY vulkan-1.dll\nEXPORTS\n{names}\n", encoding="utf-8")
    command = [*tools.zig, "dlltool", "-m", "i386:x86-64", "-d", str(listed), "-l", str(made)]
    run(_STEP, command, environment=tools.variables())
    return made


def _link_with_version_script(folder: Path) -> str:
    script = folder / "symbols.map"
    script.write_text(_SYMBOLS, encoding="utf-8")
    return f"-s -Wl,-z,defs -Wl,--version-script={script}"


_SYSTEMS: dict[System, VulkanSystem] = {
    "linux": VulkanSystem(
        library="libggml-vulkan.so",
        base="libggml-base.so.0",
        stand_in=_library_of_its_name,
        link=_link_with_version_script,
        include="",
        inputs=(_SYMBOLS,),
    ),
    # Windows keeps apart whose symbol is whose, and only what the sources mark is exported.
    "windows": VulkanSystem(
        library="ggml-vulkan.dll",
        base="libggml-base.dll.a",
        stand_in=_list_of_its_functions,
        link=lambda _: "-s",
        include=_LINKED_AS_IT_IS,
        inputs=(_LINKED_AS_IT_IS,),
    ),
}

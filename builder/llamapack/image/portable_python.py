"""A Python for Linux images that runs on old systems: CPython's sources, compiled by zig against an
old glibc, with the libraries of an old Debian inside its modules.

The packer's own Python needs a glibc about as new as the packer's system. This one is made once
per computer and processor.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shutil
from pathlib import Path

from llamapack.image.compilers import compiler_programs
from llamapack.image.debian import debian_packages, debian_source
from llamapack.image.folders import build_cache, fill_once
from llamapack.image.interpreter import Interpreter
from llamapack.image.steps import Report, Stopwatch, run
from llamapack.image.tools import LOCK_FOLDER, Environment, lock_key
from llamapack.image.unpacking import unpack
from llamapack.targets.types import Target

_SOURCE, _LIBRARIES = "python-source", "python"  # lock files
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
# static library -> the package whose licence it has
_STATIC = {
    "ssl": "libssl-dev",
    "crypto": "libssl-dev",
    "sqlite3": "libsqlite3-dev",
    "ffi": "libffi7",
    "z": "zlib1g-dev",
}
_OPTIONS = (
    *("--prefix=/python", "--enable-shared", "--without-static-libpython", "--without-ensurepip"),
    *("--disable-test-modules", "--without-doc-strings", "--with-readelf=readelf"),
)
# Nothing that the runtime imports. Without _hashlib, hashlib has CPython's own code, and OpenSSL is
# in one module only, for uvicorn and anyio that import ssl.
_LEFT_OUT = (
    *("_bz2", "_curses", "_curses_panel", "_dbm", "_gdbm", "_hashlib", "_lsprof", "_lzma"),
    *("_multiprocessing", "_posixshmem", "_tkinter", "_uuid", "nis", "readline", "syslog"),
)
_UNUSED_FOLDERS = ("__pycache__", "ensurepip", "idlelib", "test", "tkinter", "turtledemo")
# What a configure script would learn by running a program of the other processor.
_KNOWN = {
    "ac_cv_file__dev_ptmx": "yes",
    "ac_cv_file__dev_ptc": "no",
    "ac_cv_buggy_getaddrinfo": "no",
}


def python_inputs(target: Target) -> str:
    """Changes with everything that goes in."""
    locks = [(LOCK_FOLDER / f"{name}.txt").read_text() for name in (_SOURCE, _LIBRARIES)]
    recipe = Path(__file__).read_text(encoding="utf-8")
    return "\n".join([target.library_triple, lock_key("tools"), *locks, recipe])


def portable_python(target: Target, tools: Environment, report: Report) -> Path:
    """The folder with `bin`, `lib` and `licenses` of the Python for `target`, compiled when it is
    missing. Raises MissingPackagesError where there is no Debian to have the parts from."""
    key = hashlib.sha256(python_inputs(target).encode()).hexdigest()[:16]

    def fill(work: Path) -> None:
        source = debian_source(_SOURCE, report)
        libraries = debian_packages(_LIBRARIES, report, _ARCHITECTURES[target.machine])
        helper = None if _runs_here(target) else _for_this_computer(tools, report)
        report(f"Compiling Python for {target.title}, about 3 minutes, once per computer")
        watch = Stopwatch()
        build = work / "build"
        _unpack(source, build)
        _compile(target, tools, libraries, build, helper)
        _install(build, work)
        _copy_licenses(build, libraries, work / "licenses")
        shutil.rmtree(build)
        report(f"Compiled Python in {watch.seconds / 60:.1f} minutes")

    return fill_once(build_cache() / "python" / f"{target.name}-{key}", fill)


def portable_interpreter(target: Target, tools: Environment, report: Report) -> Interpreter:
    """As `portable_python`, of a target whose programs this computer runs."""
    folder = portable_python(target, tools, report)
    program = next((folder / "bin").glob("python3*"))
    licenses = {path.name: path for path in sorted((folder / "licenses").iterdir())}
    return Interpreter(
        command=(str(program),),
        version=(folder / "version.txt").read_text(encoding="utf-8"),
        variables={"LD_LIBRARY_PATH": str(folder / "lib")},
        licenses=licenses,
    )


def _runs_here(target: Target) -> bool:
    return target.machine == platform.machine()


def _for_this_computer(tools: Environment, report: Report) -> Interpreter:
    """The same Python for this processor: compiling for another one needs it."""
    from llamapack.targets.host import host_target
    from llamapack.targets.table import target_named

    return portable_interpreter(target_named(host_target()), tools, report)


def _unpack(archive: Path, build: Path) -> None:
    unpack(archive, build, lambda name: "/Doc/" not in name and "/Lib/test/" not in name)
    (inner,) = build.iterdir()
    for path in inner.iterdir():
        path.rename(build / path.name)
    inner.rmdir()


def _compile(
    target: Target,
    tools: Environment,
    libraries: Path,
    build: Path,
    helper: Interpreter | None,
) -> None:
    """In the source folder, so that no path of this computer gets into what is compiled."""
    triplet = f"{target.machine}-linux-gnu"
    static, programs = build / "static", build / "programs"
    static.mkdir()
    programs.mkdir()
    for name in _STATIC:
        shutil.copy(libraries / "usr/lib" / triplet / f"lib{name}.a", static)
    compilers = compiler_programs(programs, tools, target)
    includes = (libraries / "usr/include", libraries / "usr/include" / triplet)
    variables = tools.variables() | {
        "SOURCE_DATE_EPOCH": "0",  # Python says when it was compiled
        **{f"py_cv_module_{name}": "n/a" for name in _LEFT_OUT},
        "CC": str(compilers["C_COMPILER"]),
        "CXX": str(compilers["CXX_COMPILER"]),
        "AR": str(compilers["AR"]),
        "RANLIB": str(compilers["RANLIB"]),
        "CPPFLAGS": " ".join(f"-I{folder}" for folder in includes),
        "CFLAGS": "-g0 -w",
        # A static library was made for programs: within a module, its names must be its own.
        "LDFLAGS": f"-L{static} -s -Wl,-Bsymbolic",
        "PKG_CONFIG": "false",
        "ZLIB_CFLAGS": " ",
        "ZLIB_LIBS": "-lz",
        "LIBFFI_CFLAGS": " ",
        "LIBFFI_LIBS": "-lffi",
        "LIBSQLITE3_CFLAGS": " ",
        "LIBSQLITE3_LIBS": "-lsqlite3 -lm -ldl -lpthread",
    }
    options = [*_OPTIONS, f"--build={platform.machine()}-linux-gnu"]
    options.append(f"--with-openssl={libraries / 'usr'}")
    if helper is not None:
        variables |= _KNOWN | dict(helper.variables)
        options += [f"--host={triplet}", f"--with-build-python={helper.command[0]}"]
    step = "Compiling Python"
    run(step, ["./configure", "--quiet", *options], environment=variables, folder=build)
    _rewrite_for_zig(build / "Makefile")
    jobs = f"-j{os.cpu_count()}"
    # Without libpython3.so, a name for other programs' modules.
    make = ["make", "-s", jobs, "PY3LIBRARY=", "python", "sharedmods"]
    run(step, make, environment=variables, folder=build)


def _rewrite_for_zig(makefile: Path) -> None:
    """The linker's short option for the library's name, which zig does not know."""
    text = makefile.read_text(encoding="utf-8")
    assert "-Wl,-h$(INSTSONAME)" in text, "CPython's Makefile has changed"
    text = text.replace("-Wl,-h$(INSTSONAME)", "-Wl,-soname,$(INSTSONAME)")
    makefile.write_text(text, encoding="utf-8")


def _install(build: Path, out: Path) -> None:
    """What `make install` would, without what nothing here uses."""
    (library,) = build.glob("libpython3.*.so.1.0")
    name = library.name.removeprefix("lib").removesuffix(".so.1.0")
    standard = out / "lib" / name
    ignore = shutil.ignore_patterns(*_UNUSED_FOLDERS)
    shutil.copytree(build / "Lib", standard, ignore=ignore)
    shutil.copy(library, out / "lib")
    (out / "bin").mkdir()
    shutil.copy(build / "python", out / "bin" / name)
    modules = build / (build / "pybuilddir.txt").read_text(encoding="utf-8").strip()
    (standard / "lib-dynload").mkdir()
    for path in modules.glob("*.so"):
        shutil.copy(path, standard / "lib-dynload")
    for path in modules.glob("_sysconfigdata*.py"):
        _write_settings(path, standard / path.name)
    header = (build / "Include/patchlevel.h").read_text(encoding="utf-8")
    found = re.search(r'#define PY_VERSION\s+"([^"]+)"', header)
    assert found is not None, "CPython's header has changed"
    (out / "version.txt").write_text(found[1], encoding="utf-8")


def _write_settings(source: Path, target: Path) -> None:
    """Python's record of how it was made, without what names a folder of this computer."""
    values: dict[str, dict[str, object]] = {}
    exec(source.read_text(encoding="utf-8"), values)  # noqa: S102 - CPython's build just wrote it
    cache = str(build_cache())
    kept = {
        name: value
        for name, value in sorted(values["build_time_vars"].items())
        if cache not in str(value)
    }
    target.write_text(f"build_time_vars = {kept!r}\n", encoding="utf-8")


def _copy_licenses(build: Path, libraries: Path, folder: Path) -> None:
    folder.mkdir()
    shutil.copy(build / "LICENSE", folder / "python.txt")
    for package in sorted(set(_STATIC.values())):
        text = libraries / "usr/share/doc" / package / "copyright"
        shutil.copy(text, folder / f"{package}.txt")

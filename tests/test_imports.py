"""The direction of imports, checked on the syntax tree: left may import right, never back."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
RUNTIME = ROOT / "runtime" / "llamapack_runtime"
BUILDER = ROOT / "builder" / "llamapack"

# Layer of each part of the runtime: a file imports only from its own layer or a higher number.
LAYERS = {"launch": 0, "api": 1, "chat": 2, "store": 2, "files": 2, "hardware": 3, "engine": 3}
# Third-party packages and the only places that may import them.
RESERVED = {
    "llama_cpp": ("engine/lib.py",),
    "starlette": ("api/",),
    "uvicorn": ("launch/", "launch.py"),
    "jinja2": ("chat/",),
    "prometheus_client": ("api/",),
}
PURE = (
    "api/wish.py",
    "chat/parts.py",
    "chat/types.py",
    "engine/budget.py",
    "engine/cells.py",
    "engine/cost.py",
    "engine/draft_rows.py",
    "engine/draft_turns.py",
    "engine/draft_worth.py",
    "engine/prefix.py",
    "engine/refusals.py",
    "engine/residents.py",
    "engine/sampling.py",
    "engine/scheduler.py",
    "engine/sequence.py",
    "engine/speculate.py",
    "engine/step.py",
    "engine/tuner.py",
    "engine/types.py",
    "engine/text.py",
    "pack/brand.py",
    "pack/format.py",
    "pack/logo.py",
    "hardware/draft_plan.py",
    "hardware/offload.py",
    "hardware/plan.py",
    "pack/manifest.py",
)
IMPURE_MODULES = {"threading", "time", "socket", "subprocess", "asyncio", "ctypes", "os", "pathlib"}


def python_files(root: Path) -> list[Path]:
    return sorted(root.rglob("*.py"))


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield node.module or ""


@pytest.mark.parametrize("path", python_files(BUILDER), ids=str)
def test_builder_imports_only_the_pack_format_of_the_runtime(path: Path) -> None:
    ours = [name for name in imports(path) if name.startswith("llamapack_runtime")]
    assert all(name.startswith("llamapack_runtime.pack") for name in ours), ours


@pytest.mark.parametrize("path", python_files(RUNTIME), ids=str)
def test_runtime_imports_point_one_way(path: Path) -> None:
    inside = path.relative_to(RUNTIME)
    layer = LAYERS.get(inside.parts[0].removesuffix(".py"))
    for name in imports(path):
        parts = name.split(".")
        assert parts[0] != "llamapack", f"{inside} imports the builder"
        if parts[0] in RESERVED:
            allowed = RESERVED[parts[0]]
            assert str(inside.as_posix()).startswith(allowed), f"{inside} imports {name}"
        if layer is not None and parts[0] == "llamapack_runtime" and len(parts) > 1:
            assert LAYERS.get(parts[1], 9) >= layer, f"{inside} imports {name}"


@pytest.mark.parametrize("inside", PURE)
def test_pure_modules_touch_nothing(inside: str) -> None:
    names = {name.split(".")[0] for name in imports(RUNTIME / inside)}
    assert not names & IMPURE_MODULES


@pytest.mark.parametrize("path", python_files(BUILDER) + python_files(RUNTIME), ids=str)
def test_files_stay_short(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400

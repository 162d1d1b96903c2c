"""Each target gets the packages that the lock file means for it, whatever computer asks."""

from __future__ import annotations

import pytest

from llamapack.image.packages import requirements
from llamapack.targets.types import System


@pytest.mark.parametrize(
    ("system", "only_there"),
    [("linux", set()), ("windows", {"pefile", "pywin32-ctypes"}), ("macos", {"macholib"})],
)
def test_packages_of_one_system_go_to_that_system(system: System, only_there: set[str]) -> None:
    lines = requirements(system)
    names = {line.partition("==")[0] for line in lines if "==" in line}
    assert {"uvicorn", "starlette", *only_there} <= names
    assert not ({"pefile", "pywin32-ctypes", "macholib"} - only_there) & names
    assert not [line for line in lines if ";" in line]


def test_every_package_keeps_its_hashes() -> None:
    text = "\n".join(requirements("linux"))
    for block in text.split("==")[1:]:
        assert "--hash=sha256:" in block

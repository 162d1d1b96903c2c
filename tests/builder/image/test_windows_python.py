"""What Python for Windows is put together from must be of one series."""

from __future__ import annotations

import pytest

from llamapack.image.errors import ImageError
from llamapack.image.windows_python import VERSION, check_series

HEADER = '/* Version as a string */\n#define PY_VERSION      "{}"\n'


def test_a_standard_library_of_the_same_series_is_taken() -> None:
    series = VERSION.rpartition(".")[0]
    check_series(HEADER.format(f"{series}.5"))


@pytest.mark.parametrize("version", ["3.12.11", "3.14.0", "3.130.1"])
def test_one_of_another_series_is_told(version: str) -> None:
    with pytest.raises(ImageError, match=rf"pins is Python {version}, .* Python {VERSION}"):
        check_series(HEADER.format(version))

"""Makes llamapack's wheels: one for every platform that there is a runtime image for, and the one
without an image. Images are made with `llamapack runtime build`, or taken in from elsewhere."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import click

from llamapack.image.fetch import WHEEL_IMAGE_VARIABLE as VARIABLE
from llamapack.image.store import export_image, find_image
from llamapack.targets.table import TARGETS
from llamapack.text import size_text

PROJECT = Path(__file__).resolve().parent.parent


def make_wheel(out: Path, image: Path | None) -> None:
    variables = {name: value for name, value in os.environ.items() if name != VARIABLE}
    if image is not None:
        variables[VARIABLE] = str(image)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check"]
    subprocess.run(
        [*command, "--no-deps", "--wheel-dir", str(out), str(PROJECT)], env=variables, check=True
    )


def main() -> None:
    out = Path(sys.argv[1])
    before = set(out.glob("*.whl"))
    make_wheel(out, None)
    with tempfile.TemporaryDirectory(prefix="llamapack-wheels-") as folder:
        for name in TARGETS:
            image = find_image(name)
            if image is None:
                click.echo(f"No runtime image for {name}, so no wheel for it")
                continue
            path = Path(folder) / f"{name}.image"
            export_image(image, path)
            make_wheel(out, path)
    for path in sorted(set(out.glob("*.whl")) - before) or sorted(out.glob("*.whl")):
        click.echo(f"{path}: {size_text(path.stat().st_size)}")


if __name__ == "__main__":
    main()

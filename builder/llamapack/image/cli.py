"""`llamapack runtime`: the images that packs are made from."""

from __future__ import annotations

import json
from pathlib import Path

import click

from llamapack.image import store
from llamapack.image.fetch import add_wheel, fetch_image
from llamapack.image.wheel import native_wheel
from llamapack.image.with_cuda import with_cuda
from llamapack.suggesting import SuggestingGroup
from llamapack.targets.gpu import check_cuda_target
from llamapack.targets.host import host_target
from llamapack.targets.table import target_named
from llamapack.text import gpu_text


def _say(line: str) -> None:
    click.echo(line, err=True)


def _row(image: store.RuntimeImage) -> dict[str, object]:
    return {
        "target": image.target,
        "key": image.key,
        "size_bytes": image.size_bytes,
        "glibc_floor": image.glibc_floor,
        "gpu": list(image.gpu or ()),
        "versions": dict(image.versions),
        "path": str(image.folder),
    }


@click.group("runtime", cls=SuggestingGroup)
def runtime_group() -> None:
    """Make and keep the runtime images that packs are made from.

    An image holds the frozen runtime with its native libraries and the launcher of one operating
    system. 'llamapack build' makes a missing one by itself.
    """


@runtime_group.command("build")
@click.option(
    "--target",
    help="Operating system and processor, such as linux-x86_64.  [default: this computer's]",
)
@click.option(
    "--cuda",
    "has_cuda",
    is_flag=True,
    help="With NVIDIA's CUDA besides, for packs made with '--gpu cuda': fetches 0.5 GB and "
    "compiles for 25 minutes on two free cores, more on a busy computer, once.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Also write the image to this file, for 'runtime add' on another computer.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def build_command(target: str | None, has_cuda: bool, output: Path | None, as_json: bool) -> None:
    """Make the runtime image of this computer, or of the target that is named, or find it made.

    The first time on a computer this compiles llama.cpp: 15 to 30 minutes on two cores. On a Mac it
    makes that Mac's, and LLAMAPACK_CODESIGN_IDENTITY names the certificate that signs its programs.

    \b
    Examples:
      llamapack runtime build
      llamapack runtime build --target linux-aarch64
      llamapack runtime build -o linux.image
      llamapack runtime build --cuda
    """
    name = target or host_target()
    if has_cuda:
        check_cuda_target(name)
    image = store.best_image(name, _say)
    if has_cuda:
        image = with_cuda(image, _say)
    if output is not None:
        store.export_image(image, output)
    _show([image], as_json)


@runtime_group.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print the list as JSON.")
def list_command(as_json: bool) -> None:
    """List the runtime images in the cache.

    \b
    Examples:
      llamapack runtime list
      llamapack runtime list --json
    """
    _show(store.list_images(), as_json)


@runtime_group.command("fetch")
@click.argument("targets", metavar="TARGET...", nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def fetch_command(targets: tuple[str, ...], as_json: bool) -> None:
    """Get the runtime images of other systems out of llamapack's wheels for them.

    pip looks for the wheels of this very version where it finds all packages, PIP_INDEX_URL and
    PIP_FIND_LINKS included.

    \b
    Examples:
      llamapack runtime fetch linux-aarch64
      PIP_FIND_LINKS=wheels llamapack runtime fetch linux-aarch64 linux-x86_64
    """
    for target in targets:
        target_named(target)
    _show([fetch_image(target, _say) for target in targets], as_json)


@runtime_group.command("add")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def add_command(file: Path) -> None:
    """Take in a runtime image: a file of 'runtime build -o', or a wheel of llamapack.

    \b
    Examples:
      llamapack runtime add linux.image
      llamapack runtime add llamapack-0.1.0-py3-none-manylinux_2_28_aarch64.whl
    """
    image = add_wheel(file) if file.suffix == ".whl" else store.add_image(file)
    _say(f"Added the runtime image {image.target} {image.key}")


@runtime_group.command("remove", short_help="Remove a runtime image from the cache.")
@click.argument("key")
def remove_command(key: str) -> None:
    """Remove the runtime image whose key starts with KEY; 'llamapack runtime list' shows them.

    \b
    Example:
      llamapack runtime remove 29d409f3
    """
    image = store.remove_image(key)
    _say(f"Removed the runtime image {image.target} {image.key}")


@runtime_group.command("wheel", short_help="Print the path of the portable llama-cpp-python wheel.")
def wheel_command() -> None:
    """Print the path of the portable llama-cpp-python wheel, compiling it when it is missing.

    \b
    Example:
      pip install "$(llamapack runtime wheel)"
    """
    click.echo(native_wheel(target_named(host_target()), _say).path)


def _show(images: list[store.RuntimeImage], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps([_row(image) for image in images], indent=2))
        return
    if not images:
        _say("There are no runtime images yet. Make one with 'llamapack runtime build'.")
    for image in images:
        floor = f"glibc {image.glibc_floor}" if image.glibc_floor else ""
        size = f"{image.size_bytes / 1e6:.1f} MB"
        gpu = gpu_text(image.gpu)
        click.echo(f"{image.target:16} {image.key}  {size:>9}  {floor:11}  GPU: {gpu}")

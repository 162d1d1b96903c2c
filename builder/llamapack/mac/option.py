"""The option --zip: an app as one file, which can be sent."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from llamapack.mac.zipping import check_zip
from llamapack.targets.table import target_named

Decorated = TypeVar("Decorated", bound=Callable[..., Any])


def zip_option(decorated: Decorated) -> Decorated:
    """The command gets `has_zip`."""
    return click.option(
        "--zip",
        "has_zip",
        is_flag=True,
        help="Also write NAME.zip with the app, for macOS: an app is a folder, and a ZIP file is "
        "what can be sent.",
    )(decorated)


def check_zips(outputs: Sequence[tuple[str, Path]], force: bool) -> None:
    """Of targets and what is made for them. UsageError where none of it is an app, OutputError
    where such a file cannot be made."""
    apps = [path for target, path in outputs if target_named(target).is_app]
    if not apps:
        raise click.UsageError("--zip is for apps of macOS: add --target macos-arm64.")
    for path in apps:
        check_zip(path, force)

"""Removes unpacked runtimes that nobody has started for a month: each version of a pack brings its
own, of some 100 MB, and nobody else would ever take them away.

The launcher makes them, in `runtime/launcher/tree.c`, side by side and each named by 32 digits:

    <cache>/runtime/lock                 held while one is made
    <cache>/runtime/<digits>/.complete   its age is that of the last start; locked by whoever runs
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

logger = logging.getLogger(__name__)

UNUSED_S = 30 * 24 * 3600.0
_NAME = re.compile(r"[0-9a-f]{32}")
_MARKER = ".complete"
# As tree.c names what it moves out of the way, and removes if we do not come to it.
_OLD_ENDING = ".old"


def own_tree() -> Path | None:
    """That of this process; None when the launcher did not start it."""
    if not getattr(sys, "frozen", False):
        return None
    tree = Path(sys.executable).parent
    is_one = _NAME.fullmatch(tree.name) and (tree / _MARKER).is_file()
    return tree if is_one and (tree.parent / "lock").is_file() else None


@contextmanager
def in_use(tree: Path) -> Iterator[None]:
    """Nobody removes it meanwhile, nor in the month that begins now."""
    with ExitStack() as resources:
        with contextlib.suppress(OSError):
            os.utime(tree / _MARKER)
            resources.enter_context(_locked(tree / _MARKER, shared=True))
        yield


@contextmanager
def kept() -> Iterator[None]:
    """The tree of this process while it runs; in the end, others that nobody needs go."""
    tree = own_tree()
    if tree is None:
        yield
        return
    with in_use(tree):
        yield
    remove_unused(tree.parent)


def remove_unused(folder: Path, now_s: float | None = None) -> list[Path]:
    """Of the trees in `folder`, those that have had no start for UNUSED_S until `now_s`, seconds
    since 1970. None while another process makes one. What cannot be removed stays."""
    limit_s = (time.time() if now_s is None else now_s) - UNUSED_S
    removed = []
    with contextlib.suppress(OSError), _locked(folder / "lock", shared=False):
        for tree in sorted(folder.iterdir()):
            if _NAME.fullmatch(tree.name) and _is_unused(tree / _MARKER, limit_s):
                _remove(tree)
                removed.append(tree)
    for tree in removed:
        logger.info("Removed %s, which nothing has used for a month.", tree)
    return removed


def _is_unused(marker: Path, limit_s: float) -> bool:
    try:
        with _locked(marker, shared=False):
            return marker.stat().st_mtime < limit_s
    except OSError:
        return False


def _remove(tree: Path) -> None:
    """In one step for whoever looks for it: then it is unpacked anew."""
    import shutil  # slow to import, and seldom needed

    old = tree.with_name(tree.name + _OLD_ENDING)
    tree.rename(old)
    shutil.rmtree(old, ignore_errors=True)


if sys.platform == "win32":

    @contextmanager
    def _locked(path: Path, *, shared: bool) -> Iterator[None]:  # noqa: ARG001 - as below
        """An open file keeps its folder from being renamed, so nothing more is needed."""
        with path.open("rb"):
            yield

else:
    import fcntl

    @contextmanager
    def _locked(path: Path, *, shared: bool) -> Iterator[None]:
        """OSError when it is not there, or when somebody else holds it."""
        with path.open("rb") as file:
            kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
            fcntl.flock(file.fileno(), kind | fcntl.LOCK_NB)
            yield

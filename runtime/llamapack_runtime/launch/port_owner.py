"""Says which program listens on a port, where the system tells (Linux, own programs)."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

_LISTENING = "0A"  # TCP_LISTEN in /proc/net/tcp
_PROC = Path("/proc")


def port_owner(port: int) -> str | None:
    """Such as "'python3' (process 4711)", or None when that cannot be known."""
    if sys.platform != "linux":
        return None
    sockets = {f"socket:[{inode}]" for inode in _listening_inodes(port)}
    if not sockets:
        return None
    for process in _PROC.glob("[0-9]*"):
        if _holds(process, sockets):
            return f"'{_name(process)}' (process {process.name})"
    return None


def _listening_inodes(port: int) -> Iterator[str]:
    """Lines: number, local address:port, remote, state, ..., inode at index 9."""
    for name in ("tcp", "tcp6"):
        try:
            lines = (_PROC / "net" / name).read_text(encoding="ascii").splitlines()[1:]
        except OSError:
            continue
        for fields in map(str.split, lines):
            if fields[3] == _LISTENING and int(fields[1].rpartition(":")[2], 16) == port:
                yield fields[9]


def _holds(process: Path, sockets: set[str]) -> bool:
    try:
        return any(str(link.readlink()) in sockets for link in (process / "fd").iterdir())
    except OSError:
        return False  # another user's, or gone


def _name(process: Path) -> str:
    try:
        return (process / "comm").read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return "?"

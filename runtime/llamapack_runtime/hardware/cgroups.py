"""Where this process's control groups lie, versions 1 and 2. Knows nothing of what they limit."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath


def cgroup_folders(controller: str | None, root: Path) -> Iterator[Path]:
    """The folder of our own group and of each parent up to the mount point, for a version 1
    `controller` such as "memory", or for version 2 with None. In a container the path that
    /proc/self/cgroup names may not be visible; the mount point itself then is our group, and it is
    always among the answers."""
    group, mount = _own_group(controller, root), _mount_point(controller, root)
    if group is None or mount is None:
        return
    relative = PurePosixPath(group.lstrip("/"))
    for part in (relative, *relative.parents):
        if ".." in part.parts:
            continue
        folder = mount / part
        if folder.is_dir():
            yield folder


def _own_group(controller: str | None, root: Path) -> str | None:
    """/proc/self/cgroup has lines `4:cpu,cpuacct:/path` (version 1) and `0::/path` (version 2)."""
    for line in _lines(root / "proc/self/cgroup"):
        number, controllers, path = (*line.split(":", 2), "", "")[:3]
        if controller is None and number == "0" and not controllers:
            return path
        if controller is not None and controller in controllers.split(","):
            return path
    return None


def _mount_point(controller: str | None, root: Path) -> Path | None:
    """/proc/self/mounts has lines `device folder type options 0 0`."""
    for line in _lines(root / "proc/self/mounts"):
        fields = line.split()
        if len(fields) < 4:
            continue
        kind, options = fields[2], fields[3].split(",")
        if controller is None and kind == "cgroup2":
            return root / fields[1].lstrip("/")
        if controller is not None and kind == "cgroup" and controller in options:
            return root / fields[1].lstrip("/")
    return None


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []

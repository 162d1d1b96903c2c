"""Folders that appear complete or not at all, whatever comes in between."""

from __future__ import annotations

from pathlib import Path

import pytest

from command_line import names
from llamapack.writing.newfolder import new_folder


def write(target: Path, text: str) -> None:
    with new_folder(target) as work:
        (work / "file").write_text(text)


@pytest.mark.parametrize("is_moved", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("step", [1, 2])
def test_ctrl_c_while_an_older_one_makes_room_leaves_one_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int, is_moved: bool
) -> None:
    target = tmp_path / "chat.app"
    write(target, "old")
    replace, steps = Path.replace, [0]

    def interrupted(path: Path, to: Path) -> Path:
        steps[0] += 1
        if steps[0] != step:
            return replace(path, to)
        if is_moved:
            replace(path, to)
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write(target, "new")
    expected = "new" if (step, is_moved) == (2, True) else "old"
    assert (names(tmp_path), (target / "file").read_text()) == (["chat.app"], expected)


def test_a_link_stays_and_what_it_leads_to_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "apps").mkdir()
    write(tmp_path / "apps" / "real.app", "old")
    link = tmp_path / "chat.app"
    link.symlink_to(Path("apps", "real.app"))
    write(link, "new")
    assert (names(tmp_path), names(tmp_path / "apps")) == (["apps", "chat.app"], ["real.app"])
    assert link.is_symlink()
    assert (tmp_path / "apps" / "real.app" / "file").read_text() == "new"

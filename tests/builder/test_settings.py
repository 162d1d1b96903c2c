"""`llamapack build --set`: packed as typed values, which the runtime reads back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from command_line import Run, names
from llamapack_runtime.pack import Pack
from llamapack_runtime.settings import read_settings

FLAGS = ["--set", "temp=0.3", "--set", "ctx-size=8192", "--set", "no-mmap"]


def test_settings_are_packed(workplace: Path, model: Path, run: Run) -> None:
    assert run("build", model, "-o", "made", *FLAGS, "--set", "logit-bias=5+1,6-1").code == 0
    with Pack.open(workplace / "made") as pack:
        packed = pack.manifest.settings
    expected = {"temp": 0.3, "ctx-size": 8192, "no-mmap": True, "logit-bias": ["5+1", "6-1"]}
    assert dict(packed) == expected
    settings = read_settings(packed, {}, [])
    assert (settings.temp, settings.ctx_size, settings.no_mmap) == (0.3, 8192, True)
    assert json.loads(run("inspect", "made", "--json").out)["settings"] == expected


def test_a_flag_of_its_own_wins(workplace: Path, model: Path, run: Run) -> None:
    flags = ["--set", "quit-when-closed=on", "--keep-running", "--set", "system-prompt=Be kind."]
    assert run("build", model, "-o", "one", *flags).code == 0
    assert run("build", model, "-o", "two", *flags, "--system-prompt", "Be brief.").code == 0
    with Pack.open(workplace / "one") as one, Pack.open(workplace / "two") as two:
        assert dict(one.manifest.settings) == {
            "quit-when-closed": "off",
            "system-prompt": "Be kind.",
        }
        assert two.manifest.settings["system-prompt"] == "Be brief."


def test_other_settings_keep_the_chats(pack: Path, model: Path, run: Run) -> None:
    run("build", model, "-o", "other", *FLAGS)
    with Pack.open(pack) as first, Pack.open(pack.parent / "other") as second:
        assert first.manifest.pack_id == second.manifest.pack_id


@pytest.mark.usefixtures("workplace")
def test_a_wrong_setting_leaves_nothing(model: Path, run: Run) -> None:
    ran = run("build", model, "-o", "made", "--set", "top-p=2")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err == "Error: --set top-p must be a number from 0 to 1, not '2.0'.\n"
    assert names() == []

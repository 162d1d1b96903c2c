"""What is done with an app once it is made, and what of it is noticed."""

from __future__ import annotations

import json
import plistlib
import stat
from pathlib import Path

import pytest

from builder.mac.apps import ARCHIVE, LAUNCHER, PARTS, PROGRAM, TARGET, Build, files_of
from builder.runtime_image import image_of
from command_line import Run, names
from llamapack.image import store
from llamapack.mac.places import archive_in
from llamapack_runtime.pack import Pack


@pytest.mark.parametrize("name", ["chat.app", "renamed folder"])
def test_commands_take_the_app_for_the_pack(build: Build, run: Run, name: str) -> None:
    build()
    app = Path("chat.app").rename(name)
    assert json.loads(run("inspect", app, "--json").out)["name"] == "Tiny"
    assert run("verify", app, "--full").code == 0
    assert run("config", app, "--set", "temp=0.3").code == 0
    assert "temp = 0.3" in run("config", app).out
    assert run("sign", "--new-key", "my.key").code == 0
    assert run("sign", app, "--key", "my.key").code == 0
    assert run("verify", app, "--key", "my.key.pub").code == 0
    assert json.loads(run("sbom", app).out)["bomFormat"] == "CycloneDX"
    assert run("extract", app, "manifest.json", "-o", "m.json").code == 0
    assert run("diff", app, archive_in(app) or "", "--exit-code").code == 0
    assert names() == sorted([name, "m.json", "my.key", "my.key.pub"])


def test_an_update_makes_a_whole_app(build: Build, tmp_path: Path, run: Run) -> None:
    build("--name", "Magister", "--set", "temp=0.3")
    before = files_of(Path("chat.app"))
    assert "has this runtime already" in run("update", "chat.app").out
    (Path("chat.app/Contents") / "_CodeSignature").mkdir()
    image = image_of(tmp_path / "new", TARGET, b"newer", LAUNCHER + b"2", key="0" * 16)
    store.add_image(image)
    ran = run("update", "chat.app")
    assert (ran.code, "sign it again there" in ran.err) == (0, True)
    after = files_of(Path("chat.app"))
    assert after[PROGRAM] == LAUNCHER + b"2"
    assert after["Contents/Info.plist"] == before["Contents/Info.plist"]
    assert not Path("chat.app/Contents/_CodeSignature").exists()
    assert run("verify", "chat.app", "--full").out.count("\n") == 1
    with Pack.open(Path("chat.app", ARCHIVE)) as pack:
        assert pack.read("runtime/macos-arm64.tar.zst", 99) == b"newer"
        assert (pack.manifest.name, pack.manifest.settings["temp"]) == ("Magister", 0.3)
    assert run("update", "chat.app", "-o", "second").code == 0
    assert sorted(files_of(Path("second.app"))) == sorted(
        f"Contents/{part.replace('chat', 'second')}" for part in PARTS
    )
    ran = run("update", Path("chat.app", ARCHIVE))
    assert (ran.code, "Name the program or the app" in ran.err) == (1, True)
    Path("mine.app").mkdir()
    ran = run("update", "chat.app", "-o", "mine.app")
    assert (ran.code, "is a folder that is no pack" in ran.err) == (1, True)


def test_a_pack_is_read_from_inside_and_updated_from_outside(
    build: Build, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    build()
    for asked in (".", "..", ".app"):
        ran = run("update", "chat.app", "-o", asked)
        assert (ran.code, "does not say what the pack is called" in ran.err) == (1, True)
    before = files_of(Path("chat.app"))
    monkeypatch.chdir("chat.app")
    assert json.loads(run("inspect", ".", "--json").out)["name"] == "Tiny"
    assert run("verify", ".", "--full").code == 0
    ran = run("update", ".")
    assert (ran.code, "does not say what the pack is called" in ran.err) == (1, True)
    assert files_of(Path()) == before


def test_what_changes_a_signed_app_says_that_it_is_to_be_signed_again(
    build: Build, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    build()
    assert "sign it again" not in run("config", "chat.app", "--set", "temp=0.1").err
    Path("chat.app/Contents/_CodeSignature").mkdir()
    assert "sign it again there" in run("config", "chat.app", "--set", "temp=0.2").err
    assert "sign it again" not in run("config", "chat.app", "--set", "temp=0.2").err
    within = Path("chat.app", ARCHIVE)
    assert "sign it again there" in run("config", within, "--set", "temp=0.3").err
    assert run("sign", "--new-key", "my.key").code == 0
    assert "sign it again there" in run("sign", within, "--key", "my.key").err
    monkeypatch.chdir(within.parent)
    assert "sign it again there" in run("config", within.name, "--set", "temp=0.4").err


def test_another_name_is_what_macos_shows(build: Build, run: Run) -> None:
    build()
    info = Path("chat.app/Contents/Info.plist")
    before = info.read_bytes()
    assert run("config", "chat.app", "--set", "temp=0.1").code == 0
    assert info.read_bytes() == before
    assert run("config", "chat.app", "--set", "name=Magister", "--set", "author=Ana").code == 0
    words = {"CFBundleDisplayName": "Magister", "CFBundleName": "Magister"}
    shown = plistlib.loads(before) | words
    assert plistlib.loads(info.read_bytes()) == shown | {"NSHumanReadableCopyright": "Ana"}
    assert stat.S_IMODE(info.stat().st_mode) == 0o644
    assert run("config", "chat.app", "--unset", "author").code == 0
    assert plistlib.loads(info.read_bytes()) == shown
    assert run("verify", "chat.app", "--full").code == 0
    Path("chat.app/Contents/_CodeSignature").mkdir()
    ran = run("config", "chat.app", "--set", "name=Magister II")
    assert (ran.code, "sign it again there" in ran.err) == (0, True)
    assert plistlib.loads(info.read_bytes())["CFBundleName"] == "Magister II"
    info.write_bytes(b"")
    ran = run("config", "chat.app", "--set", "name=Other")
    assert (ran.code, "Info.plist is damaged" in ran.err) == (1, True)
    assert json.loads(run("inspect", "chat.app", "--json").out)["name"] == "Magister II"


def test_nothing_is_extracted_into_an_app(build: Build, run: Run) -> None:
    build()
    before = files_of(Path("chat.app"))
    for output in ("chat.app", "chat.app/Contents/Resources", "chat.app/model.gguf"):
        ran = run("extract", "chat.app", "-o", output)
        assert (ran.code, "would be in chat.app, an app that is a pack" in ran.err) == (1, True)
    assert files_of(Path("chat.app")) == before
    Path("mine.app").mkdir()
    assert run("extract", "chat.app", "-o", "mine.app").code == 0


CHECKS = [("--full",), ("--key", "my.key.pub")]


@pytest.mark.parametrize("check", CHECKS)
def test_another_program_in_an_app_is_noticed(
    signed: Path, run: Run, check: tuple[str, ...]
) -> None:
    facts = json.loads(run("verify", signed, *check, "--json").out)
    assert facts["program_checked"] is True
    program = signed / PROGRAM
    for data in (LAUNCHER[:-1] + b"?", LAUNCHER + b"?"):
        program.write_bytes(data)
        assert run("verify", signed).code == 0
        for path in (signed, signed / ARCHIVE):
            ran = run("verify", path, *check)
            assert (ran.code, "its program is another one. Get" in ran.err) == (1, True)
    program.write_bytes(LAUNCHER)
    assert run("verify", signed, *check).code == 0
    program.rename(signed / "chat")
    for link in (None, Path("../../chat")):
        if link is not None:
            program.symlink_to(link)
        ran = run("verify", signed, *check)
        assert (ran.code, "its program is missing" in ran.err) == (1, True)


def test_the_program_is_the_one_that_macos_starts(signed: Path, run: Run) -> None:
    info = signed / "Contents/Info.plist"
    (signed / "Contents/MacOS/other").write_bytes(b"theirs")
    assert run("verify", signed, "--full").code == 0
    good = info.read_bytes()
    for name, word in (("other", "another one"), ("../Info.plist", "missing"), ("..", "missing")):
        info.write_bytes(good.replace(b"<string>chat<", f"<string>{name}<".encode()))
        ran = run("verify", signed, "--full")
        assert (ran.code, f"its program is {word}" in ran.err) == (1, True)
    info.write_bytes(good.replace(b"<string>chat<", b"<string>" + b"x" * 300 + b"<"))
    assert (
        "Cannot read the program of chat.app: File name too" in run("verify", signed, "--full").err
    )
    for data in (b"", b"<plist><date>x</date></plist>", b"<plist><array/></plist>"):
        info.write_bytes(data)
        ran = run("verify", signed, "--full")
        assert (ran.code, "Info.plist is damaged" in ran.err) == (1, True)
    info.unlink()
    assert "Info.plist: No such file" in run("verify", signed, "--full").err


@pytest.mark.parametrize("check", CHECKS)
def test_a_program_that_apples_signature_covers_is_not_checked(
    signed: Path, run: Run, check: tuple[str, ...]
) -> None:
    (signed / "Contents/_CodeSignature").mkdir()
    (signed / PROGRAM).write_bytes(LAUNCHER + b" and its signature")
    ran = run("verify", signed, *check)
    assert (ran.code, "chat.app was signed on a Mac, which changes its program" in ran.out) == (
        0,
        True,
    )
    assert json.loads(run("verify", signed, *check, "--json").out)["program_checked"] is False
    (signed / PROGRAM).unlink()
    assert "its program is missing" in run("verify", signed, *check).err


def test_an_archive_outside_of_its_app_has_no_program(build: Build, run: Run) -> None:
    build()
    Path("chat.app", ARCHIVE).rename("chat.llamapack")
    ran = run("verify", "chat.llamapack", "--full")
    assert (ran.code, "chat.llamapack is in no app, so that no program" in ran.out) == (0, True)


@pytest.mark.parametrize("count", [0, 2])
def test_an_app_has_one_archive(build: Build, run: Run, count: int) -> None:
    build()
    archive = Path("chat.app", ARCHIVE)
    if count:
        archive.with_name("other.llamapack").write_bytes(archive.read_bytes())
    else:
        archive.unlink()
    for command in ("inspect", "verify", "config", "update"):
        ran = run(command, "chat.app")
        assert (ran.code, "chat.app is a folder that is no pack. Name" in ran.err) == (1, True)


@pytest.mark.parametrize("place", [ARCHIVE, "Contents/Resources", "Contents"])
def test_links_do_not_lead_out_of_an_app(build: Build, run: Run, place: str) -> None:
    build()
    part = Path("chat.app", place)
    outside = part.rename("elsewhere.llamapack").absolute()
    part.symlink_to(outside)
    ran = run("config", "chat.app", "--set", "temp=0.1")
    assert (ran.code, "chat.app is a folder that is no pack" in ran.err) == (1, True)

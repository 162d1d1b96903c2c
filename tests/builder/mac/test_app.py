"""Packs for macOS: apps, made here from an image that stands in for one of a Mac."""

from __future__ import annotations

import hashlib
import json
import os
import plistlib
import shutil
import stat
import struct
import subprocess
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from builder.runtime_image import image_of
from command_line import Run, names
from llamapack.image import store
from llamapack.image.launcher import build_launcher
from llamapack.image.macho import macho_files, oldest_system, processors
from llamapack.image.sources import source_folder
from llamapack.image.tools import tool_environment
from llamapack.mac.about import info_plist
from llamapack.mac.places import SIGN_SCRIPT, archive_in
from llamapack.targets import table
from llamapack.targets.table import TARGETS
from llamapack.targets.types import Target
from llamapack_runtime.pack import Pack

TARGET = "macos-arm64"
LAUNCHER = b"\xcf\xfa\xed\xfe a launcher for macOS"
PROGRAM, ARCHIVE = "Contents/MacOS/chat", "Contents/Resources/chat.llamapack"
PARTS = ["Info.plist", "MacOS/chat", "PkgInfo", "Resources/chat.llamapack", "Resources/icon.icns"]
Build = Callable[..., dict[str, object]]


@pytest.fixture
def mac_image(workplace: Path, tmp_path: Path) -> None:  # noqa: ARG001 - the cache of a test
    store.add_image(image_of(tmp_path / "mac", TARGET, b"for a Mac", LAUNCHER))


@pytest.fixture
def build(mac_image: None, model: Path, run: Run) -> Build:  # noqa: ARG001
    def build_app(*more: str | Path) -> dict[str, object]:
        ran = run("build", model, "-o", "chat", "--target", TARGET, "--json", *more)
        assert ran.code == 0, ran.err
        facts: dict[str, object] = json.loads(ran.out)
        return facts

    return build_app


def files_of(folder: Path) -> dict[str, bytes]:
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def test_the_model_is_in_the_app_and_nothing_follows_its_program(build: Build) -> None:
    facts = build()
    app = Path("chat.app")
    assert (names(), facts["path"]) == (["chat.app"], str(app.absolute()))
    held = files_of(app)
    assert sorted(held) == [f"Contents/{part}" for part in PARTS]
    assert held[PROGRAM] == LAUNCHER
    assert held["Contents/PkgInfo"] == b"APPL????"
    assert facts["size_bytes"] == sum(map(len, held.values()))
    modes = {name: stat.S_IMODE((app / name).stat().st_mode) for name in held}
    assert modes == dict.fromkeys(held, 0o644) | {PROGRAM: 0o755}
    with Pack.open(app / ARCHIVE) as pack:
        assert pack.manifest.target == TARGET
        packed = pack.manifest.runtime.launcher
        assert packed is not None
        assert packed.sha256 == hashlib.sha256(LAUNCHER).hexdigest()
        assert pack.read("runtime/macos-arm64.tar.zst", 99) == b"for a Mac"
    assert not held[ARCHIVE].startswith((b"PK", LAUNCHER[:4]))


def test_what_macos_shows_of_it(build: Build) -> None:
    facts = build("--name", "Lehrer für Latein 拉丁 & co", "--author", "Ana <a@b>")
    told = plistlib.loads(Path("chat.app/Contents/Info.plist").read_bytes())
    assert told["CFBundleName"] == told["CFBundleDisplayName"] == "Lehrer für Latein 拉丁 & co"
    assert told["CFBundleExecutable"] == "chat"
    assert told["CFBundleIdentifier"] == f"llamapack.pack-{facts['pack_id']}"
    assert told["LSMinimumSystemVersion"] == "11.0"
    assert told["LSArchitecturePriority"] == ["arm64"]
    assert told["NSHumanReadableCopyright"] == "Ana <a@b>"
    assert all(told[key] is True for key in ("NSHighResolutionCapable", "LSUIElement"))
    versions = (told["CFBundleShortVersionString"], told["CFBundleVersion"])
    assert all(len(one.split(".")) == 3 and one.replace(".", "").isdigit() for one in versions)


def test_an_image_may_need_a_newer_system(
    workplace: Path, tmp_path: Path, model: Path, run: Run
) -> None:
    image = image_of(tmp_path / "mac", TARGET, b"", LAUNCHER, {"macos_floor": "14.0"})
    store.add_image(image)
    assert run("build", model, "-o", "new.APP", "--target", TARGET, "--readme").code == 0
    told = plistlib.loads((workplace / "new.app/Contents/Info.plist").read_bytes())
    assert told["LSMinimumSystemVersion"] == "14.0"
    page = (workplace / "new.app.readme.html").read_text(encoding="utf-8")
    assert "macOS 14.0 or newer on an Apple chip" in page
    assert "macOS 14.0 或更新版本，Apple 芯片" in page  # noqa: RUF001 - Chinese


def test_the_page_for_recipients_says_how_apps_are_opened(build: Build) -> None:
    build("--readme", "-o", "my chat")
    page = Path("my chat.app.readme.html").read_text(encoding="utf-8")
    for sentence in (
        "choose “Open Anyway”",
        "点击“仍要打开”",
        "<code>my chat.zip</code>",
        "xattr -dr com.apple.quarantine &#x27;/Applications/my chat.app&#x27;",
        "&#x27;/Applications/my chat.app/Contents/MacOS/my chat&#x27;",
    ):
        assert sentence in page


def test_twice_the_same_bytes(build: Build) -> None:
    build("--zip")
    before, zipped = files_of(Path("chat.app")), Path("chat.zip").read_bytes()
    Path("chat.app").rename("other.app")
    Path("chat.zip").unlink()
    build("--zip")
    assert (files_of(Path("chat.app")), Path("chat.zip").read_bytes()) == (before, zipped)


def test_a_zip_keeps_the_right_to_run_and_compresses_nothing(build: Build) -> None:
    assert build("--zip")["zip"] == str(Path("chat.zip").absolute())
    with zipfile.ZipFile("chat.zip") as archive:
        assert archive.testzip() is None
        held = {item.filename: item for item in archive.infolist()}
        assert list(held) == [f"chat.app/Contents/{part}" for part in PARTS]
        assert {item.compress_type for item in held.values()} == {zipfile.ZIP_STORED}
        assert {item.date_time for item in held.values()} == {(1980, 1, 1, 0, 0, 0)}
        modes = {name: item.external_attr >> 16 for name, item in held.items()}
    assert modes.pop("chat.app/Contents/MacOS/chat") == 0o100755
    assert set(modes.values()) == {0o100644}
    if shutil.which("unzip") is None:
        pytest.skip("unzip is not installed")
    before = files_of(Path("chat.app"))
    Path("unpacked").mkdir()
    subprocess.run(["unzip", "-q", "../chat.zip"], cwd="unpacked", check=True)
    assert files_of(Path("unpacked/chat.app")) == before
    assert os.access("unpacked/chat.app/Contents/MacOS/chat", os.X_OK)


def test_a_dry_run_tells_of_the_zip_and_counts_it(
    build: Build, model: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    facts = build("--zip", "--dry-run")
    assert (names(), facts["zip"]) == ([], str(Path("chat.zip").absolute()))
    assert build("--dry-run")["zip"] is None
    wanted = ("build", model, "-o", "chat", "--target", TARGET, "--dry-run")
    assert f"\nWith:          {Path('chat.zip').absolute()}\n" in run(*wanted, "--zip").out
    size_bytes = facts["size_bytes"]
    assert isinstance(size_bytes, int)
    disk = shutil.disk_usage(".")._replace(free=2 * size_bytes)  # and not what a ZIP file adds
    monkeypatch.setattr(shutil, "disk_usage", lambda _: disk)
    assert run(*wanted).code == 0
    ran = run(*wanted, "--zip")
    assert (ran.code, "chat.app needs" in ran.err) == (1, True)


def test_a_zip_replaces_its_own_kind_only(build: Build, model: Path, run: Run) -> None:
    build("--zip")
    build("--zip")
    for data in (b"mine", Path("chat.app", ARCHIVE).read_bytes()):
        Path("chat.zip").write_bytes(data)
        ran = run("build", model, "-o", "chat", "--target", TARGET, "--zip")
        assert (ran.code, "chat.zip exists and does not hold chat.app" in ran.err) == (1, True)
        assert Path("chat.zip").read_bytes() == data
    build("--zip", "--force")
    ran = run("build", model, "-o", "plain", "--zip")
    assert (ran.code, "--zip is for apps of macOS" in ran.err) == (2, True)


def png(pixels: int) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", pixels, pixels) + bytes(40)


def pictures(icns: bytes) -> dict[bytes, bytes]:
    """By their kinds."""
    kind, size = struct.unpack_from(">4sI", icns)
    assert (kind, size) == (b"icns", len(icns))
    found, at = {}, 8
    while at < size:
        kind, length = struct.unpack_from(">4sI", icns, at)
        found[kind] = icns[at + 8 : at + length]
        at += length
    assert at == size
    return found


def test_the_logo_is_the_icon_where_it_has_the_size_of_one(build: Build) -> None:
    for pixels, expected in ((256, {b"ic08": png(256)}), (512, {b"ic09": png(512)})):
        Path("owl.png").write_bytes(png(pixels))
        build("--logo", "owl.png")
        icon = Path("chat.app/Contents/Resources/icon.icns").read_bytes()
        assert pictures(icon) == expected
    Path("owl.png").write_bytes(png(100))
    build("--logo", "owl.png")
    own = pictures(Path("chat.app/Contents/Resources/icon.icns").read_bytes())
    assert sorted(own) == [b"ic08", b"ic11"]
    assert all(data.startswith(b"\x89PNG") for data in own.values())


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


@pytest.fixture
def signed(build: Build, run: Run) -> Path:
    """An app with the signature of its maker, whose key is my.key."""
    build()
    assert run("sign", "--new-key", "my.key").code == 0
    assert run("sign", "chat.app", "--key", "my.key").code == 0
    return Path("chat.app")


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


@pytest.mark.usefixtures("mac_image")
def test_a_folder_of_somebody_elses_is_not_replaced(model: Path, run: Run) -> None:
    Path("chat.app").mkdir()
    (Path("chat.app") / "notes.txt").write_text("mine")
    for more in ((), ("--force",)):
        ran = run("build", model, "-o", "chat", "--target", TARGET, *more)
        assert (ran.code, "is a folder that is no pack" in ran.err) == (1, True)
    assert names(Path("chat.app")) == ["notes.txt"]


@pytest.mark.usefixtures("mac_image")
@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("a\x01b", "character U+0001"),
        ("a\nb", "character U+000A"),
        ("a\udcffb", "byte FF that is no text"),
        ("a\uffff", "character U+FFFF"),
    ],
)
def test_a_name_that_macos_cannot_be_told_is_refused(
    model: Path, run: Run, name: str, what: str
) -> None:
    ran = run("build", model, "-o", name, "--target", TARGET)
    assert (ran.code, f"Info.plist can hold no {what}." in ran.err, names()) == (1, True, [])


def test_what_xml_cannot_hold_is_replaced() -> None:
    name = "a\x01\udcff\uffff\N{GRINNING FACE}"
    data = info_plist(
        name=name,
        author=name,
        program="chat",
        pack_id=name,
        version="1",
        machine="arm64",
        oldest_system="11.0",
    )
    told = plistlib.loads(data)
    shown = "a\ufffd\ufffd\ufffd\N{GRINNING FACE}"
    assert (told["CFBundleName"], told["NSHumanReadableCopyright"]) == (shown, shown)
    assert told["CFBundleIdentifier"] == f"llamapack.pack-{shown}"


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_failure_or_ctrl_c_leaves_the_older_app_as_it_was(
    build: Build, model: Path, run: Run, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    build()
    before = files_of(Path("chat.app"))

    def fail(*_: object) -> int:
        raise error

    monkeypatch.setattr("llamapack.writing.packwriter._write_end", fail)
    assert run("build", model, "-o", "chat", "--target", TARGET, "--zip").code != 0
    assert (names(), files_of(Path("chat.app"))) == (["chat.app"], before)


@pytest.mark.usefixtures("workplace")
def test_without_an_image_the_way_to_one_is_told(model: Path, run: Run) -> None:
    ran = run("build", model, "--target", TARGET)
    assert (ran.code, names()) == (1, [])
    assert "no runtime image for macos-arm64 yet" in ran.err
    assert "Make it on such a Mac with 'llamapack runtime build -o FILE'" in ran.err
    assert "llamapack runtime fetch macos-arm64" in ran.err


@pytest.mark.usefixtures("mac_image")
def test_a_dry_run_knows_the_size(model: Path, run: Run) -> None:
    wanted = ["build", model, "-o", "chat", "--target", TARGET, "--json"]
    plan = json.loads(run(*wanted, "--dry-run").out)
    assert (names(), Path(plan["path"]).name) == ([], "chat.app")
    assert json.loads(run(*wanted).out)["size_bytes"] == plan["size_bytes"]


@pytest.mark.usefixtures("mac_image")
def test_a_shared_folder_holds_no_apps(model: Path, run: Run) -> None:
    ran = run("build", model, "-o", "stick", "--shared", "--target", f"linux-x86_64,{TARGET}")
    assert (ran.code, "macOS starts whole apps only" in ran.err, names()) == (1, True, [])
    ran = run("build", model, "-o", "stick", "--shared", "--target", "all")
    assert (ran.code, "Left out macos-arm64: an app of macOS has" in ran.err) == (0, True)
    assert names(Path("stick")) == ["stick-Linux", "stick.llamapack"]


@pytest.mark.usefixtures("workplace")
def test_a_linux_launcher_in_an_app_starts_it(
    tmp_path: Path, model: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same lookup, on the system that is here; and a state is baked before the app is there."""
    named = os.environ.get("LLAMAPACK_TEST_LAUNCHER")
    if not named:
        pytest.skip("LLAMAPACK_TEST_LAUNCHER names no launcher; `make test` builds one and sets it")
    here = replace(TARGETS["linux-x86_64"], program_suffix=".app")
    monkeypatch.setattr(table, "TARGETS", {"linux-x86_64": here})
    monkeypatch.setattr(Target, "is_app", property(lambda _: True))
    from builder.runtime_image import program_archive

    script = '#!/bin/sh\n[ "$1" = --bake-state ] && echo state > "$2"\necho "$LLAMAPACK_PACK"\n'
    archive = program_archive(script)
    launcher = Path(named).read_bytes()
    key = "f" * 16
    store.remove_image("0123456789abcdef")
    store.add_image(image_of(tmp_path / "here", "linux-x86_64", archive, launcher, key=key))
    monkeypatch.setenv("LLAMAPACK_CACHE", str(tmp_path / "unpacked"))
    ran = run("build", model, "-o", "chat", "--system-prompt", "Be brief.", "--bake")
    assert ran.code == 0, ran.err
    assert "Start it with: open ./chat.app" in ran.out
    assert f"on a Mac: sh {SIGN_SCRIPT} APP IDENTITY" in ran.out
    with Pack.open(Path("chat.app", ARCHIVE)) as pack:
        assert pack.read("state/system.state", 99) == b"state\n"
    program = Path("chat.app", PROGRAM).absolute()
    said = subprocess.run([program], capture_output=True, text=True, check=True).stdout
    assert said == f"{Path('chat.app', ARCHIVE).absolute()}\n"


def end_of_signature(program: bytes) -> int | None:
    """Where the linker's own ends: the last thing that macOS allows in a program."""
    (count,), at = struct.unpack_from("<I", program, 16), 32
    for _ in range(count):
        kind, length, offset, size = struct.unpack_from("<4I", program, at)
        if kind == 0x1D:  # LC_CODE_SIGNATURE
            return int(offset + size)
        at += length
    return None


@pytest.fixture(scope="module", params=["macos-arm64", "macos-x86_64"])
def linked(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, bytes]:
    """A target, and its launcher: compiled before a test has a cache of its own."""
    name: str = request.param
    tools = tool_environment(print)
    zstd = source_folder("zstandard", tools, print) / "zstd"
    out = tmp_path_factory.mktemp("launcher") / "launcher"
    return name, build_launcher(TARGETS[name], tools.zig, zstd, out).read_bytes()


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_a_real_launcher_is_in_it_as_it_was_linked(
    linked: tuple[str, bytes], workplace: Path, tmp_path: Path, model: Path, run: Run
) -> None:
    name, launcher = linked
    store.add_image(image_of(tmp_path / "mac", name, b"", launcher))
    assert run("build", model, "-o", "chat", "--target", name).code == 0
    program = workplace / "chat.app" / PROGRAM
    assert processors(program) == (TARGETS[name].machine,)
    data = program.read_bytes()
    assert data == launcher
    assert end_of_signature(data) == (len(data) if name == "macos-arm64" else None)
    told = plistlib.loads((workplace / "chat.app/Contents/Info.plist").read_bytes())
    assert oldest_system(program) == (11, 0)
    assert told["LSMinimumSystemVersion"] == "11.0"
    assert [path.name for path in macho_files(workplace / "chat.app")] == ["chat"]

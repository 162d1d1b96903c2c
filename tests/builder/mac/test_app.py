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
from pathlib import Path

import pytest

from builder.mac.apps import ARCHIVE, LAUNCHER, PARTS, PROGRAM, TARGET, Build, files_of
from builder.runtime_image import image_of
from command_line import Run, names
from llamapack.image import store
from llamapack.mac.about import info_plist
from llamapack_runtime.pack import Pack


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

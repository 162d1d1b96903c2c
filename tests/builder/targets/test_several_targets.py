"""One build for several operating systems and processors."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from command_line import LAUNCHER, Run, names
from llamapack.errors import OutputError
from llamapack.image import store
from llamapack.targets import choosing
from llamapack.targets.host import host_name
from llamapack.targets.option import output_for
from llamapack_runtime.pack import Pack

pytestmark = pytest.mark.skipif(
    host_name() != "linux-x86_64", reason="the packs are for this computer and another"
)
ARM = b"another launcher"


@pytest.fixture
def both_images(workplace: Path, tmp_path: Path) -> None:
    """Besides this computer's image, one for ARM."""
    made = tmp_path / "made"
    (made / "licenses").mkdir(parents=True)
    (made / "licenses" / "a.txt").write_text("first")
    (made / "runtime.tar.zst").write_bytes(b"for ARM")
    (made / "launcher").write_bytes(ARM)
    facts = {"glibc_floor": "2.28", "versions": {}, "architectures": ["llama"]}
    store.write_facts(made, "linux-aarch64", "fedcba9876543210", facts)
    store.export_image(store.load_image(made), workplace.parent / "arm.image")
    store.add_image(workplace.parent / "arm.image")


def begins_with(path: str, launcher: bytes) -> bool:
    return Path(path).read_bytes().startswith(launcher)


@pytest.mark.usefixtures("both_images")
@pytest.mark.parametrize("asked", ["linux-aarch64,linux-x86_64", "linux-x86_64, linux-aarch64"])
def test_each_target_gets_a_file_with_its_name(model: Path, run: Run, asked: str) -> None:
    ran = run("build", model, "-o", "chat", "--target", asked)
    assert ran.code == 0
    assert begins_with("chat-linux-x86_64", LAUNCHER)
    assert begins_with("chat-linux-aarch64", ARM)
    assert "It is for Linux on 64-bit ARM." in ran.out
    assert "Start it with: ./chat-linux-x86_64" in ran.out
    assert not Path("chat").exists()
    with Pack.open(Path("chat-linux-aarch64")) as pack:
        assert pack.manifest.target == "linux-aarch64"
        assert pack.manifest.runtime.entry == "runtime/linux-aarch64.tar.zst"


@pytest.mark.usefixtures("both_images")
def test_each_readme_names_the_processor(model: Path, run: Run) -> None:
    ran = run("build", model, "-o", "chat", "--target", "linux-x86_64,linux-aarch64", "--readme")
    assert ran.code == 0
    first, second = (
        Path(f"chat-linux-{machine}.readme.html").read_text(encoding="utf-8")
        for machine in ("x86_64", "aarch64")
    )
    assert ("an Intel or AMD processor" in first, "Intel 或 AMD 处理器" in first) == (True, True)
    assert ("a 64-bit ARM processor" in second, "64 位 ARM 处理器" in second) == (True, True)
    assert "Intel" not in second


@pytest.mark.usefixtures("both_images")
def test_they_are_one_pack_for_a_users_chats(model: Path, run: Run) -> None:
    ran = run("build", model, "--target", "linux-x86_64,linux-aarch64", "--json")
    first, second = json.loads(ran.out)
    assert first["pack_id"] == second["pack_id"]
    assert [first["target"], second["target"]] == ["linux-x86_64", "linux-aarch64"]
    assert begins_with(second["path"], ARM)


@pytest.mark.usefixtures("both_images")
def test_a_single_other_target_keeps_the_name(model: Path, run: Run) -> None:
    ran = run("build", model, "-o", "chat", "--target", "linux-aarch64")
    assert (ran.code, begins_with("chat", ARM)) == (0, True)


@pytest.mark.usefixtures("workplace")
def test_a_missing_image_is_named_before_anything_is_written(model: Path, run: Run) -> None:
    ran = run("build", model, "--target", "linux-x86_64,linux-aarch64")
    assert ran.code == 1
    assert "There is no runtime image for linux-aarch64 yet" in ran.err
    assert "llamapack runtime build --target linux-aarch64" in ran.err
    assert list(Path().iterdir()) == []


@pytest.mark.usefixtures("both_images")
def test_all_are_those_with_an_image_and_the_others_are_named(model: Path, run: Run) -> None:
    store.remove_image("fedcba")
    ran = run("build", model, "-o", "chat", "--target", "all")
    assert (ran.code, [path.name for path in Path().iterdir()]) == (0, ["chat"])
    assert "Left out linux-aarch64: there is no runtime image for it. Make it with" in ran.err


@pytest.mark.usefixtures("both_images")
def test_cuda_is_refused_before_anything_is_written(model: Path, run: Run) -> None:
    ran = run("build", model, "--target", "linux-x86_64,linux-aarch64", "--gpu", "cuda")
    assert (ran.code, names()) == (1, [])
    assert "CUDA is for linux-x86_64 alone, not for linux-aarch64; leave out that" in ran.err


@pytest.mark.usefixtures("both_images")
def test_all_with_cuda_are_those_that_have_it(model: Path, run: Run) -> None:
    ran = run("build", model, "--target", "all", "--gpu", "cuda", "--dry-run")
    assert "Left out linux-aarch64: CUDA is for linux-x86_64 alone.\n" in ran.err
    assert "no runtime image with CUDA for linux-x86_64 yet" in ran.err


@pytest.mark.usefixtures("workplace")
def test_an_image_that_cannot_have_cuda_is_not_made_for_it(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "best_image", lambda _target, _report: pytest.fail("made"))
    ran = run("runtime", "build", "--cuda", "--target", "linux-aarch64")
    assert (ran.code, "CUDA is for linux-x86_64 alone" in ran.err) == (1, True)


@pytest.mark.usefixtures("workplace")
def test_all_may_leave_nothing(model: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    store.remove_image("0123456789abcdef")
    for module in (choosing, store):
        monkeypatch.setattr(module, "host_name", lambda: "macos-arm64")
    ran = run("build", model, "--target", "all", "--shared")
    assert (ran.code, names()) == (1, [])
    assert "Left out macos-arm64: an app of macOS has its models inside.\n" in ran.err
    assert "Nothing is left to build of --target all" in ran.err


@pytest.mark.usefixtures("both_images")
def test_a_dry_run_tells_of_each(model: Path, run: Run) -> None:
    wanted = ["build", model, "-o", "chat", "--target", "linux-x86_64,linux-aarch64", "--dry-run"]
    facts = json.loads(run(*wanted, "--json").out)
    assert [Path(one["path"]).name for one in facts] == ["chat-linux-x86_64", "chat-linux-aarch64"]
    assert run(*wanted).out.count("Runs on:") == 2
    assert list(Path().iterdir()) == []


@pytest.mark.usefixtures("both_images")
def test_a_state_is_not_baked_for_another_computer(model: Path, run: Run) -> None:
    wanted = ["--system-prompt", "Be brief.", "--bake", "--target", "linux-x86_64,linux-aarch64"]
    ran = run("build", model, *wanted)
    assert (ran.code, "cannot be started on this computer" in ran.err) == (1, True)
    assert list(Path().iterdir()) == []


def test_the_ending_is_that_of_the_system() -> None:
    assert output_for("linux-x86_64", Path("a/chat"), is_alone=True) == Path("a/chat")
    assert output_for("linux-x86_64", Path("a/v1.5"), is_alone=False) == Path("a/v1.5-linux-x86_64")


@pytest.mark.parametrize(
    ("name", "asked"),
    [("windows-x86_64", ".exe"), ("macos-arm64", "a/.app"), ("macos-arm64", "..")],
)
def test_an_ending_alone_is_no_name(name: str, asked: str) -> None:
    with pytest.raises(OutputError, match="does not say what the pack is called"):
        output_for(name, Path(asked), is_alone=True)


@pytest.mark.usefixtures("both_images")
@pytest.mark.parametrize(
    ("asked", "example"),
    [(".", "chat"), ("", "chat"), ("/", "/chat"), ("..", "../chat"), ("a/..", "a/../chat")],
)
@pytest.mark.parametrize("more", [(), ("--target", "linux-x86_64,linux-aarch64"), ("--shared",)])
def test_a_place_without_a_name_is_refused(
    model: Path, run: Run, more: tuple[str, ...], asked: str, example: str
) -> None:
    ran = run("build", model, "-o", asked, *more)
    assert (ran.code, list(Path().iterdir())) == (1, [])
    assert f"end it with a name, such as {example}." in ran.err

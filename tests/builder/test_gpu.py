"""`llamapack build --gpu`, and what the other commands tell of it and keep of it."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import pytest
import zstandard

from command_line import LAUNCHER, Run
from llamapack.image import store
from llamapack_runtime.pack import Pack

KEY = "abcdef0123456789"
LIBRARY = "_internal/llama_cpp/lib/libggml-vulkan.so"
RUNTIME = "runtime/linux-x86_64.tar.zst"


def add_image(folder: Path, key: str, program: bytes) -> None:
    """One with a GPU library, newer than what the cache holds."""
    (folder / "licenses").mkdir(parents=True)
    for name in ("a.txt", "vulkan-headers.txt"):
        (folder / "licenses" / name).write_text(name)
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, data in ((LIBRARY, b"shaders" * 9000), ("llamapack-runtime", program)):
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    (folder / "runtime.tar.zst").write_bytes(zstandard.compress(out.getvalue()))
    (folder / "launcher").write_bytes(LAUNCHER)
    facts = {
        "glibc_floor": "2.28",
        "versions": {"llama-cpp-python": "0.3.36", "vulkan-headers": "1.4.309.0"},
        "architectures": ["llama"],
        "gpu": ["vulkan"],
    }
    store.write_facts(folder, "linux-x86_64", key, facts)
    store.export_image(store.load_image(folder), folder / "gpu.image")
    store.add_image(folder / "gpu.image")


@pytest.fixture
def gpu_image(workplace: Path, tmp_path: Path) -> Path:
    store.remove_image("0123456789abcdef")
    add_image(tmp_path / "gpu", KEY, b"program")
    return workplace


def held(path: Path) -> list[str]:
    """The names in a pack's runtime."""
    with Pack.open(path) as pack:
        entry = pack.entry(RUNTIME)
        data = path.read_bytes()[entry.data_offset : entry.data_offset + entry.size]
    plain = zstandard.ZstdDecompressor().decompressobj().decompress(data)
    with tarfile.open(fileobj=io.BytesIO(plain)) as tar:
        return tar.getnames()


def built(run: Run, model: Path, *flags: str) -> Path:
    assert run("build", model, "-o", "chat", *flags).code == 0
    return Path("chat")


def row(run: Run, pack: Path, label: str) -> str:
    lines = run("inspect", pack).out.splitlines()
    return next(line for line in lines if line.startswith(f"{label}:")).split(":", 1)[1].strip()


@pytest.mark.usefixtures("gpu_image")
class TestGpu:
    def test_what_there_is_is_packed_by_itself(self, model: Path, run: Run) -> None:
        pack = built(run, model)
        assert LIBRARY in held(pack)
        assert row(run, pack, "GPU") == "Vulkan"
        assert json.loads(run("inspect", pack, "--json").out)["runtime"]["gpu"] == ["vulkan"]
        bill = json.loads(run("sbom", pack).out)
        told = {"name": "llamapack:gpu", "value": "vulkan"}
        assert told in bill["metadata"]["component"]["properties"]
        parts = {part["name"]: part for part in bill["components"]}
        assert parts["vulkan-headers"]["purl"] == "pkg:generic/vulkan-headers@1.4.309.0"

    def test_none_leaves_it_out(self, model: Path, run: Run) -> None:
        pack = built(run, model, "--gpu", "none")
        assert held(pack) == ["llamapack-runtime"]
        assert row(run, pack, "GPU") == "none"
        facts = json.loads(run("inspect", pack, "--json").out)
        assert facts["runtime"]["gpu"] == []
        assert facts["runtime"]["key"] != KEY
        assert "licenses/vulkan-headers.txt" not in {entry["name"] for entry in facts["entries"]}
        assert "vulkan" not in run("sbom", pack).out
        assert run("verify", pack, "--full").code == 0

    def test_it_is_the_same_bytes_each_time(self, model: Path, run: Run, tmp_path: Path) -> None:
        first = built(run, model, "--gpu", "none").read_bytes()
        store.remove_image(KEY)
        add_image(tmp_path / "again", KEY, b"program")
        assert built(run, model, "--gpu", "none").read_bytes() == first

    def test_a_preset_says_it_and_a_flag_wins(self, model: Path, run: Run) -> None:
        Path("small.toml").write_text('preset = 1\ngpu = "none"\n')
        assert LIBRARY not in held(built(run, model, "--preset", "small.toml"))
        pack = built(run, model, "--preset", "small.toml", "--gpu", "auto")
        assert LIBRARY in held(pack)

    def test_a_dry_run_makes_no_image_without_it(self, model: Path, run: Run) -> None:
        wanted = ("build", model, "-o", "other", "--gpu", "none", "--dry-run")
        before, text = (json.loads(run(*wanted, "--json").out), run(*wanted).out)
        assert not list(store.images_folder().glob("*/without-gpu*"))
        size_bytes = built(run, model, "--gpu", "none").stat().st_size
        after = json.loads(run(*wanted, "--json").out)
        assert (before["gpu"], after["gpu"]) == ([], [])
        assert (before["size_is_at_most"], after["size_is_at_most"]) == (True, False)
        assert before["size_bytes"] > after["size_bytes"] == size_bytes
        assert "\nSize:          at most " in text
        assert "at most" not in run(*wanted).out

    def test_a_dry_run_compiles_no_cuda(self, model: Path, run: Run) -> None:
        ran = run("build", model, "--gpu", "cuda", "--dry-run")
        assert ran.code == 1
        assert "no runtime image with CUDA for linux-x86_64 yet" in ran.err
        assert "'llamapack runtime build --cuda'" in ran.err
        assert "Fetching" not in ran.err

    def test_a_dry_run_counts_what_there_is(self, model: Path, run: Run) -> None:
        more = run("build", model, "-o", "other", "--dry-run").out
        assert "GPU:           Vulkan" in more.splitlines()

    @pytest.mark.parametrize("choice", ["none", "auto"])
    def test_an_update_keeps_the_choice(
        self, model: Path, run: Run, tmp_path: Path, choice: str
    ) -> None:
        pack = built(run, model, "--gpu", choice)
        add_image(tmp_path / "newer", "e" * 16, b"newer program")
        assert run("update", pack).code == 0
        assert (LIBRARY in held(pack)) == (choice == "auto")
        assert pack.read_bytes() == built(run, model, "--gpu", choice).read_bytes()
        assert "has this runtime already" in run("update", pack).out

    def test_the_list_of_images_tells_it(self, run: Run) -> None:
        assert run("runtime", "list").out.rstrip().endswith("GPU: Vulkan")
        assert json.loads(run("runtime", "list", "--json").out)[0]["gpu"] == ["vulkan"]

    def test_another_word_is_refused(self, model: Path, run: Run) -> None:
        ran = run("build", model, "--gpu", "rocm")
        assert ran.code == 2
        assert "auto" in ran.err


def test_a_pack_of_an_image_without_gets_it_with_an_update(
    pack: Path, model: Path, run: Run, tmp_path: Path
) -> None:
    assert row(run, pack, "GPU") == "none"
    assert run("build", model, "-o", "wished", "--gpu", "none").code == 0
    store.remove_image("0123456789abcdef")
    add_image(tmp_path / "gpu", KEY, b"program")
    assert (run("update", pack).code, run("update", "wished").code) == (0, 0)
    assert LIBRARY in held(pack)
    assert LIBRARY not in held(Path("wished"))

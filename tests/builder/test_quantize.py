"""`llamapack build --quantize`, with a script that stands in for the runtime, and with the runtime
itself: what is packed, what it is called, what is refused, and that nothing is left."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from builder.runtime_image import add_image, runtime_from_source
from command_line import Run, names
from llamapack.gguf_files.model import read_model
from llamapack.quantize import quantized_stem
from llamapack_runtime.pack import Pack, read_header
from make_gguf import make_gguf, make_gguf_of_size

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the target is Linux")


@pytest.fixture
def smaller(tmp_path: Path) -> Path:
    """What the script makes of any model."""
    path = tmp_path / "smaller.gguf"
    return make_gguf(path, n_embd=32, n_ff=32, quantization="Q8_0", license_name="mit")


@pytest.fixture
def large(workplace: Path) -> Path:
    assert workplace == Path.cwd()
    return make_gguf(Path("Model-F32.gguf"), n_layers=2)


def making(smaller: Path, size: int = 5000) -> str:
    return (
        f'[ "$1" = --quantize-model ] || exit 9\necho size {size}; echo tensor 1 2\n'
        f'cp {shlex.quote(str(smaller))} "$3"; echo tensor 2 2; echo "$4" > "$(dirname "$3")/type"'
    )


def test_the_smaller_model_is_packed(large: Path, smaller: Path, run: Run, tmp_path: Path) -> None:
    add_image(tmp_path / "image", making(smaller))
    ran = run("build", large, "--quantize", "q8_0")
    assert (ran.code, ran.err) == (0, "")
    assert names() == ["Model-F32.gguf", "Model-Q8_0"]
    with Pack.open("Model-Q8_0") as pack:
        model = pack.manifest.model
        assert (model.entry, model.quantization) == ("model/Model-Q8_0.gguf", "Q8_0")
        assert pack.read(model.entry, 1 << 20) == smaller.read_bytes()
    assert run("verify", "Model-Q8_0").code == 0


def test_another_name_is_kept(large: Path, smaller: Path, run: Run, tmp_path: Path) -> None:
    add_image(tmp_path / "image", making(smaller))
    assert run("build", large, "--quantize", "Q4_K", "-o", "mine").code == 0
    assert names() == ["Model-F32.gguf", "mine"]
    with Pack.open("mine") as pack:
        assert pack.manifest.model.entry == "model/Model-Q4_K_M.gguf"


@pytest.mark.parametrize(
    ("stem", "named"),
    [
        ("SmolLM2-135M-F16", "SmolLM2-135M-Q4_K_M"),
        ("SmolLM2.Q8_0", "SmolLM2.Q4_K_M"),
        ("model_bf16", "model_Q4_K_M"),
        ("model-fp16", "model-Q4_K_M"),
        ("model.IQ4_XS", "model.Q4_K_M"),
        ("Qwen3-8B", "Qwen3-8B.Q4_K_M"),
        ("SmolLM2-135M", "SmolLM2-135M.Q4_K_M"),
    ],
)
def test_the_name_says_the_type(stem: str, named: str) -> None:
    assert quantized_stem(stem, "Q4_K_M") == named


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("Q4_KM", "there is no type 'Q4_KM'. Did you mean 'Q4_K_M'? There are F16, BF16, Q8_0"),
        ("9\x1b", "there is no type '9\ufffd'. There are"),
        ("iq2_xs", "--quantize IQ2_XS needs an importance matrix"),
        ("F32", "there is no type 'F32'."),
    ],
)
def test_a_type_that_cannot_be_is_a_sentence(large: Path, run: Run, kind: str, words: str) -> None:
    ran = run("build", large, "--quantize", kind)
    assert (ran.code, ran.out) == (1, "")
    assert words in ran.err
    assert names() == ["Model-F32.gguf"]


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("echo size 999999999999", "would not become smaller as Q8_0"),
        ("echo 'It is too odd.' >&2; exit 5", "could not be quantized: It is too odd. Nothing"),
        ('printf x > "$3"; kill -9 $$', "the runtime ended with signal 9. Nothing"),
        ('echo size 10; printf x > "$3"', "Model-Q8_0.gguf is not a GGUF file"),
        ("true", "Cannot read"),
    ],
)
def test_what_goes_wrong_leaves_nothing(
    large: Path, run: Run, tmp_path: Path, script: str, words: str
) -> None:
    add_image(tmp_path / "image", script)
    ran = run("build", large, "--quantize", "Q8_0")
    assert (ran.code, ran.out) == (1, "")
    assert words in ran.err
    assert names() == ["Model-F32.gguf"]


def test_the_same_type_is_refused(workplace: Path, smaller: Path, run: Run) -> None:
    ran = run("build", smaller, "-o", "made", "--quantize", "Q8_0")
    assert (ran.code, "smaller.gguf is Q8_0 already" in ran.err) == (1, True)
    assert names(workplace) == []


@pytest.mark.usefixtures("workplace")
def test_a_second_loss_is_warned_of(smaller: Path, run: Run, tmp_path: Path) -> None:
    add_image(tmp_path / "image", making(smaller))
    ran = run("build", smaller, "-o", "made", "--quantize", "Q4_0")
    assert ran.code == 0
    assert ran.err.startswith("Warning: smaller.gguf is Q8_0: making it Q4_0 loses more than")


def test_a_full_disk_is_told_before(
    large: Path, smaller: Path, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_image(tmp_path / "image", making(smaller))
    usage = type("Usage", (), {"free": 12_000})
    monkeypatch.setattr("llamapack.writing.newfile.shutil.disk_usage", lambda _: usage)
    ran = run("build", large, "--quantize", "Q8_0")
    assert (ran.code, "has only 12.0 kB free" in ran.err) == (1, True)
    assert names() == ["Model-F32.gguf"]


def test_a_dry_run_tells_about_what_size_it_will_have(
    large: Path, run: Run, tmp_path: Path
) -> None:
    script = '[ "$#" = 3 ] && [ "$3" = Q8_0 ] || exit 9; echo size 5000'
    add_image(tmp_path / "image", script)
    ran = run("build", large, "--quantize", "Q8_0", "--dry-run", "--json")
    assert ran.code == 0, ran.err
    facts = json.loads(ran.out)
    header = read_model(large).header.data_offset
    assert facts["entries"][0] == {"name": "model/Model-Q8_0.gguf", "size": header + 5000}
    assert (facts["quantize"], facts["model_bytes"]) == ("Q8_0", header + 5000)
    told = run("build", large, "--quantize", "Q8_0", "--dry-run").out
    assert "Would make:    Model-Q8_0\n" in told
    assert "\nSize:          about, once the model is Q8_0: " in told
    assert names() == ["Model-F32.gguf"]


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("echo size 999999999999", "would not become smaller as Q8_0"),
        ("true", "the runtime does not say how large it would become"),
        ("echo 'It is too odd.' >&2; exit 5", "could not be quantized: It is too odd. Nothing"),
    ],
)
def test_a_dry_run_refuses_what_a_build_does(
    large: Path, run: Run, tmp_path: Path, script: str, words: str
) -> None:
    add_image(tmp_path / "image", script)
    ran = run("build", large, "--quantize", "Q8_0", "--dry-run")
    assert (ran.code, ran.out) == (1, "")
    assert words in ran.err
    assert names() == ["Model-F32.gguf"]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_one_leaves_nothing(
    large: Path, tmp_path: Path, number: int, code: int
) -> None:
    if sys.platform == "win32":
        pytest.skip("named pipes and signals are a matter of POSIX")
    pid = tmp_path / "pid"
    os.mkfifo(pid)
    add_image(tmp_path / "image", f'printf half > "$3"; echo $$ > {pid}; exec sleep 60')
    command = [sys.executable, "-m", "llamapack", "build", str(large), "--quantize", "Q8_0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE) as process:
        child = int(pid.read_text())
        process.send_signal(number)
        assert process.wait(30) == code
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)
    assert names() == ["Model-F32.gguf"]


def _peak_bytes_of_children(*arguments: str) -> int:
    """Of the programs that a command starts; the command must end well."""
    code = (
        "import resource, sys; from llamapack.cli import main; code = main(sys.argv[1:]); "
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024); sys.exit(code)"
    )
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return int(done.stdout.split()[-1])


@pytest.mark.slow
def test_the_runtime_itself_quantizes(workplace: Path, run: Run, tmp_path: Path) -> None:
    """Its memory stays flat: two models of which one is 200 MB larger."""
    libraries = os.environ.get("LLAMAPACK_TEST_LIBRARIES")
    if libraries is None:
        pytest.skip("LLAMAPACK_TEST_LIBRARIES names no folder")
    add_image(tmp_path / "image", runtime_from_source(Path(libraries)))
    small = make_gguf(Path("small-F32.gguf"), n_embd=256, n_ff=256)
    assert run("build", small, "--quantize", "Q4_K_M").code == 0
    with Pack.open("small-Q4_K_M") as pack:
        assert pack.manifest.model.quantization == "Q4_K_M"
        entry = pack.entry(pack.manifest.model.entry)
        with (workplace / "small-Q4_K_M").open("rb") as file:
            header = read_header(file, entry.data_offset, entry.size, "model")
    assert {tensor.type for tensor in header.tensors} <= {0, 12, 14}
    for kind in ("Q8_0", "Q4_K_M", "Q3_K_S", "IQ4_XS"):
        flags = [small, "-o", kind, "--quantize", kind]
        planned = json.loads(run("build", *flags, "--dry-run", "--json").out)["size_bytes"]
        assert run("build", *flags).code == 0
        assert planned == pytest.approx(Path(kind).stat().st_size, abs=16_000, rel=0.01)
    large = make_gguf_of_size(Path("large.gguf"), 200_000_000)
    assert _peak_bytes_of_children("build", str(large), "--quantize", "Q4_0") < 400e6
    assert Path("large.Q4_0").stat().st_size < 0.6 * large.stat().st_size
    for path in (small, large):
        assert run("build", path, "-o", "again", "--quantize", "Q8_0").code == (path == large)

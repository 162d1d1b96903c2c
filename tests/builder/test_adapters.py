"""`llamapack build --lora`: what fits is packed, the rest is refused by tensor and shape."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from command_line import Run, names
from llamapack_runtime.pack import AdapterInfo, Pack
from make_lora import Pair, make_lora, random_pair

DOWN, UP = "blk.0.ffn_down.weight", "blk.0.ffn_up.weight"


@pytest.fixture
def pirate(workplace: Path) -> Path:
    return make_lora(workplace / "pirate.gguf", {DOWN: random_pair(128, 64)}, alpha=4.0)


def test_adapters_are_packed_with_their_names_and_scales(
    workplace: Path, model: Path, pirate: Path, run: Run
) -> None:
    made = run("build", model, "-o", "p", "--lora", pirate, "--lora", "formal=pirate.gguf:0")
    assert (made.code, made.err) == (0, "")
    with Pack.open(workplace / "p") as pack:
        assert pack.manifest.model.adapters == (
            AdapterInfo("pirate", "lora/pirate.gguf", 1.0),
            AdapterInfo("formal", "lora/formal.gguf", 0.0),
        )
        for name in ("pirate", "formal"):
            entry = pack.entry(f"lora/{name}.gguf")
            assert entry.data_offset % 65536 == 0
            data = (workplace / "p").read_bytes()[entry.data_offset :][: entry.size]
            assert data == pirate.read_bytes()
    shown = run("inspect", "p").out
    assert "Adapter:       pirate, scale 1\n" in shown
    assert "Adapter:       formal, only in requests that name it\n" in shown
    assert run("verify", "p").code == 0


def test_an_adapter_that_acts_makes_another_chat(model: Path, pirate: Path, run: Run) -> None:
    def pack_id(*options: str | Path) -> str:
        found = json.loads(run("build", model, "-o", "p", "--json", *options).out)["pack_id"]
        assert isinstance(found, str)
        return found

    plain, acting = pack_id(), pack_id("--lora", pirate)
    assert plain == pack_id("--lora", f"{pirate}:0") != acting
    assert acting == pack_id("--lora", pirate) != pack_id("--lora", f"{pirate}:0.5")


REFUSED: Mapping[str, tuple[Mapping[str, Pair], str]] = {
    "inputs": (
        {DOWN: random_pair(64, 64)},
        f"its tensor '{DOWN}.lora_a' has the shape 64 x 2, but the model's '{DOWN}' 128 x 64",
    ),
    "outputs": (
        {DOWN: random_pair(128, 32)},
        f"its tensor '{DOWN}.lora_b' has the shape 2 x 32, but the model's '{DOWN}' 128 x 64",
    ),
    "ranks": (
        {DOWN: (random_pair(128, 64)[0], random_pair(128, 64, rank=3)[1])},
        f"its tensor '{DOWN}.lora_a' has the shape 128 x 2 and '{DOWN}.lora_b' 3 x 64: their ranks",
    ),
    "no such tensor": (
        {"blk.9.ffn_up.weight": random_pair(64, 128)},
        "its tensor 'blk.9.ffn_up.weight.lora_a' changes a tensor that the model lacks",
    ),
    "tied embeddings": (
        {"token_embd.weight": random_pair(2, 64)},
        "its tensor 'token_embd.weight.lora_a' changes the embeddings, which this model uses for",
    ),
    "a norm": (
        {"output_norm.weight": random_pair(64, 1)},
        "its tensor 'output_norm.weight.lora_a' has the shape 64 x 2, but the model's",
    ),
    "nothing": ({}, "holds no weights, so it would change nothing"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_does_not_fit_is_refused_by_tensor_and_shape(
    workplace: Path, model: Path, run: Run, name: str
) -> None:
    pairs, message = REFUSED[name]
    make_lora(workplace / "a.gguf", pairs)
    ran = run("build", model, "-o", "p", "--lora", "a.gguf")
    assert (ran.code, message in ran.err) == (1, True), ran.err
    assert names(workplace) == ["a.gguf"]


def test_a_missing_half_is_named(workplace: Path, model: Path, run: Run) -> None:
    path = make_lora(workplace / "a.gguf", {UP: random_pair(64, 128)})
    halved = path.read_bytes().replace(f"{UP}.lora_b".encode(), f"{UP}.lora_x".encode())
    path.write_bytes(halved)
    assert f"'{UP}.lora_x' is neither a .lora_a nor a .lora_b" in run_with(run, model, path)
    other = halved.replace(f"{UP}.lora_x".encode(), b"blk.1.ffn_up.weight.lora_b")
    path.write_bytes(other)
    assert f"'{UP}.lora_a' has no '{UP}.lora_b' to it" in run_with(run, model, path)


def test_what_is_no_lora_adapter_for_this_model(workplace: Path, model: Path, run: Run) -> None:
    pairs = {DOWN: random_pair(128, 64)}
    other = make_lora(workplace / "a.gguf", pairs, architecture="qwen2")
    assert "is an adapter for the architecture 'qwen2', but the" in run_with(run, model, other)
    other = make_lora(workplace / "a.gguf", pairs, kind="vector")
    assert "is not a LoRA adapter: its adapter.type is 'vector'" in run_with(run, model, other)
    other = make_lora(workplace / "a.gguf", pairs, alpha=float("nan"))
    assert "has the alpha nan" in run_with(run, model, other)
    assert "is not a LoRA adapter: its general.type is 'nothing'" in run_with(run, model, model)


def test_types_that_llama_cpp_cannot_multiply(workplace: Path, model: Path, run: Run) -> None:
    path = workplace / "a.gguf"
    whole = np.ones((2, 128), np.int32), np.ones((64, 2), np.int32)
    make_lora(path, {DOWN: whole}, as_floats=False)
    assert "has not one of the types F32, F16, Q8_0, BF16" in run_with(run, model, path)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["pirate.gguf", "pirate.gguf"], "pirate.gguf and pirate.gguf are both called 'pirate'"),
        (["a=pirate.gguf", "A=pirate.gguf"], "both called 'A'"),
        (["Tiny=pirate.gguf"], "pirate.gguf and the model Tiny Model.gguf are both called 'Tiny'"),
        (["a=pirate.gguf:101"], "--lora a=pirate.gguf:101 has the scale 101"),
        (["a=pirate.gguf:nan"], "has the scale nan"),
        (["a="], "--lora a= names no file"),
        ([" =pirate.gguf:x"], "would be called 'pirate.gguf:x'"),
        (["gone.gguf"], "Cannot read gone.gguf: No such file"),
    ],
)
def test_names_and_scales_are_checked(
    model: Path, pirate: Path, run: Run, given: list[str], message: str
) -> None:
    assert pirate.exists()
    options = [part for one in given for part in ("--lora", one)]
    ran = run("build", model, "-o", "p", *options)
    assert (ran.code != 0, message in ran.err) == (True, True), ran.err


def run_with(run: Run, model: Path, adapter: Path) -> str:
    ran = run("build", model, "-o", "p", "--lora", f"x={adapter}")
    assert ran.code == 1
    return ran.err


def test_a_modelfiles_adapter_is_packed(
    workplace: Path, model: Path, pirate: Path, run: Run
) -> None:
    (workplace / "Modelfile").write_text(f"FROM {model}\nADAPTER ./{pirate.name}\n")
    assert run("build", "-f", "Modelfile", "-o", "p", "--lora", f"b={pirate}:2").code == 0
    with Pack.open(workplace / "p") as pack:
        found = pack.manifest.model.adapters
    assert [(one.name, one.scale) for one in found] == [("adapter", 1.0), ("b", 2.0)]

"""--lora and --lora-scaled, as llama-server has them, and with names."""

from __future__ import annotations

from pathlib import Path

import pytest

from llamapack_runtime.errors import ModelFileUnusable, UsageError
from llamapack_runtime.launch.adapters import AdapterSource, adapters_of, check_adapters, content_of
from llamapack_runtime.pack.lora import LoraWish
from llamapack_runtime.settings import Settings, read_settings
from make_gguf import make_gguf
from make_lora import found_tensor, make_lora, random_pair
from runtime.api.served import ABOUT


def settings(*arguments: str) -> Settings:
    return read_settings({}, {}, arguments)


@pytest.mark.parametrize(
    ("given", "wish"),
    [
        ("pirate.gguf", ("pirate", "pirate.gguf", 1.0)),
        ("a/b/pirate", ("pirate", "a/b/pirate", 1.0)),
        ("arr=pirate.gguf", ("arr", "pirate.gguf", 1.0)),
        ("arr=pirate.gguf:0.5", ("arr", "pirate.gguf", 0.5)),
        ("pirate.gguf:-1", ("pirate", "pirate.gguf", -1.0)),
    ],
)
def test_a_name_and_a_scale_can_be_left_out(given: str, wish: tuple[str, str, float]) -> None:
    name, path, scale = wish
    assert settings("--lora", given).adapter_wishes == (LoraWish(name, Path(path), scale),)


def test_several_with_commas_or_again() -> None:
    asked = settings("--lora", "a,b=c", "--lora-scaled", "d:0.5,e:2", "--lora", "f")
    assert [(one.name, one.scale) for one in asked.adapter_wishes] == [
        ("a", 1.0), ("b", 1.0), ("f", 1.0), ("d", 0.5), ("e", 2.0)
    ]  # fmt: skip


@pytest.mark.parametrize("flag", ["--lora", "--lora-scaled"])
@pytest.mark.parametrize(
    "value", ["x=", "x=a:101", "x=a:inf", ".gguf", f"{'n' * 65}=a", ":1", "a/b=c.gguf"]
)
def test_what_makes_no_sense_is_named(flag: str, value: str) -> None:
    with pytest.raises(UsageError, match=f"{flag} "):
        settings(flag, value)


def test_two_of_one_name_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.gguf").write_bytes(b"x")
    for names in (("a", "a"), ("test-model", "b"), ("b", "Test model")):
        asked = settings(*(f"--lora={name}={tmp_path / 'a.gguf'}" for name in names))
        with pytest.raises(UsageError, match="Two adapters, or one and the model, are called"):
            adapters_of((), asked, ABOUT.model)


def test_a_switch_lets_none_act_by_itself(tmp_path: Path) -> None:
    path = tmp_path / "a.gguf"
    path.write_bytes(b"x")
    packed = AdapterSource("b", path, 0, 1, "sha256 1", 0.5)
    plain, quiet = (
        adapters_of((packed,), settings("--lora", str(path), *more), ABOUT.model)
        for more in ((), ("--lora-init-without-apply",))
    )
    assert [(one.name, one.scale) for one in plain] == [("b", 0.5), ("a", 1.0)]
    assert [(one.name, one.scale) for one in quiet] == [("b", 0.0), ("a", 0.0)]
    assert content_of(quiet) == "" != content_of(plain) != content_of(plain[:1])


def test_a_file_that_does_not_fit_is_refused_before_it_is_loaded(tmp_path: Path) -> None:
    model = make_gguf(tmp_path / "tiny.gguf")
    header, _ = found_tensor(model, "output_norm.weight")
    pairs = {"blk.0.ffn_down.weight": random_pair(64, 64)}
    other = make_lora(tmp_path / "other.gguf", pairs)
    for path, words in (
        (other, "The adapter 'x' cannot be used: its tensor 'blk.0.ffn_down.weight.lora_a'"),
        (model, "The adapter 'x' is not a LoRA adapter"),
    ):
        asked = settings("--lora", f"x={path}")
        with pytest.raises(ModelFileUnusable, match=words):
            check_adapters(adapters_of((), asked, ABOUT.model), header)
    with pytest.raises(ModelFileUnusable, match=r"gone\.gguf cannot be read: No such file"):
        adapters_of((), settings("--lora", str(tmp_path / "gone.gguf")), ABOUT.model)


def test_an_alpha_of_another_type_is_damage(tmp_path: Path) -> None:
    """llama.cpp ends the process on it."""
    model = make_gguf(tmp_path / "tiny.gguf")
    header, _ = found_tensor(model, "output_norm.weight")
    lora = make_lora(tmp_path / "a.gguf", {"blk.0.ffn_down.weight": random_pair(128, 64)}, alpha=2)
    key = b"adapter.lora.alpha"
    data = lora.read_bytes()
    at = data.index(key) + len(key)
    lora.write_bytes(data[:at] + (4).to_bytes(4, "little") + data[at + 4 :])
    asked = adapters_of((), settings("--lora", f"x={lora}"), ABOUT.model)
    with pytest.raises(ModelFileUnusable, match="its alpha is not a 32-bit number"):
        check_adapters(asked, header)

"""A model in several files: what is packed is the whole one, and what is no whole is refused."""

from __future__ import annotations

import shutil
from pathlib import Path

import gguf
import numpy as np
import pytest

from command_line import Run
from gguf_bytes import LLAMA, Tensor, Typed, gguf_bytes
from llamapack.errors import ModelError
from llamapack.gguf_files.model import read_model
from make_gguf import make_gguf
from split_gguf import split


def assert_same(made: Path, whole: Path) -> None:
    """As the gguf library reads them: the same keys with the same values, the same tensors."""
    one, other = gguf.GGUFReader(made), gguf.GGUFReader(whole)
    assert list(one.fields) == list(other.fields)
    for name, field in other.fields.items():
        assert one.fields[name].contents() == field.contents()
    assert len(one.tensors) == len(other.tensors)
    for mine, theirs in zip(one.tensors, other.tensors, strict=True):
        assert (mine.name, mine.tensor_type) == (theirs.name, theirs.tensor_type)
        assert mine.shape.tolist() == theirs.shape.tolist()
        assert np.array_equal(mine.data, theirs.data)


@pytest.mark.parametrize("named", [0, 2, 4])
@pytest.mark.parametrize("is_first_empty", [False, True])
def test_the_packed_model_is_the_whole_one(
    workplace: Path, model: Path, run: Run, named: int, is_first_empty: bool
) -> None:
    parts = split(model, workplace, 5, is_first_empty=is_first_empty)
    ran = run("build", parts[named])
    assert (ran.code, ran.err) == (0, "")
    assert run("verify", "Tiny Model", "--full").code == 0
    assert run("extract", "Tiny Model").code == 0
    assert_same(workplace / "Tiny Model.gguf", model)
    assert (workplace / "Tiny Model.gguf").read_bytes() == model.read_bytes()


def test_the_header_is_that_of_the_whole(tmp_path: Path, model: Path) -> None:
    whole = read_model(model)
    joined = read_model(split(model, tmp_path, 3)[1])
    assert joined.header.tensors == whole.header.tensors
    assert joined.header.metadata == whole.header.metadata
    assert joined.header.data_offset == whole.header.data_offset
    assert joined.header.required_bytes == whole.header.required_bytes
    assert joined.size_bytes == whole.size_bytes


@pytest.mark.usefixtures("workplace")
def test_an_alignment_that_only_the_first_part_has_is_that_of_the_whole(run: Run) -> None:
    """As llama-gguf-split writes it: the later parts know of none."""
    keys = {**LLAMA, "general.alignment": Typed(4, 128)}
    whole = [Tensor("a", (8,), 0, 0), Tensor("b", (8,), 0, 128), Tensor("c", (8,), 0, 256)]
    Path("whole.gguf").write_bytes(gguf_bytes(keys, whole, data_bytes=0, alignment=128) + _data())
    for number, (first, tensors, data) in enumerate(
        [
            (keys, [Tensor("a", (8,), 0, 0)], _data()[:32]),
            ({}, [Tensor("b", (8,), 0, 0), Tensor("c", (8,), 0, 32)], _late_data()),
        ]
    ):
        marked = {**first, "split.no": Typed(2, number), "split.count": Typed(2, 2)}
        head = gguf_bytes(marked, tensors, data_bytes=0, alignment=128 if number == 0 else 32)
        Path(f"m-{number + 1:05}-of-00002.gguf").write_bytes(head + data)
    assert run("build", "m-00001-of-00002.gguf").code == 0
    assert run("extract", "m").code == 0
    assert_same(Path("m.gguf"), Path("whole.gguf"))
    assert run("build", "whole.gguf").code == 0


def _data() -> bytes:
    numbers = np.arange(96, dtype="<f4")
    numbers[8:32] = numbers[40:64] = numbers[72:] = 0
    return numbers.tobytes()


def _late_data() -> bytes:
    return _data()[128:160] + _data()[256:288]


def test_a_part_that_is_missing_is_named(tmp_path: Path, model: Path) -> None:
    parts = split(model, tmp_path, 5)
    parts[3].unlink()
    with pytest.raises(ModelError, match=r"one of 5 files .* Model-00004-of-00005.gguf is not in"):
        read_model(parts[0])
    for path in parts[1:3]:
        path.unlink()
    with pytest.raises(ModelError, match=r"Model-00002-of-00005.gguf, .* are not in"):
        read_model(parts[0])


def test_a_hostile_count_is_told_shortly(tmp_path: Path) -> None:
    path = tmp_path / "m-00001-of-65535.gguf"
    path.write_bytes(gguf_bytes({**LLAMA, "split.no": Typed(2, 0), "split.count": Typed(2, 65535)}))
    with pytest.raises(ModelError, match="and 65,529 more are not in") as caught:
        read_model(path)
    assert len(str(caught.value)) < 600


def test_a_renamed_part_is_told(tmp_path: Path, model: Path) -> None:
    part = split(model, tmp_path, 2)[0].rename(tmp_path / "a.gguf")
    with pytest.raises(ModelError, match="its name does not lead to the others"):
        read_model(part)


def test_parts_in_the_wrong_order_are_refused(tmp_path: Path, model: Path) -> None:
    parts = split(model, tmp_path, 3)
    shutil.copyfile(parts[2], parts[1])
    with pytest.raises(ModelError, match=r"should be part 2 of 3, but says that it is part 3 of 3"):
        read_model(parts[0])


def test_a_part_of_another_model_is_refused(tmp_path: Path, model: Path) -> None:
    parts = split(model, tmp_path, 2)
    other = tmp_path / "other"
    other.mkdir()
    larger = split(make_gguf(tmp_path / "other.gguf", n_layers=3), other, 2)
    shutil.copyfile(larger[1], parts[1])
    with pytest.raises(ModelError, match="is not of the same model as"):
        read_model(parts[0])


def test_a_cut_off_part_is_refused(tmp_path: Path, model: Path) -> None:
    parts = split(model, tmp_path, 3)
    parts[1].write_bytes(parts[1].read_bytes()[:-1000])
    with pytest.raises(ModelError, match=r"00002-of-00003.gguf is cut off"):
        read_model(parts[0])

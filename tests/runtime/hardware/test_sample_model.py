"""The sample model, read back by the gguf library."""

from __future__ import annotations

from pathlib import Path

import pytest
from gguf import GGMLQuantizationType, GGUFReader

from llamapack_runtime.hardware.sample_model import known_quantizations, make_sample_model


@pytest.mark.parametrize("names", [("Q4_1", "Q8_0"), ("Q4_K", "Q6_K", "F32"), ("IQ3_XXS",), ()])
def test_the_gguf_library_reads_it(tmp_path: Path, names: tuple[str, ...]) -> None:
    path = tmp_path / "sample.gguf"
    path.write_bytes(make_sample_model(names))
    types = {tensor.name: tensor.tensor_type for tensor in GGUFReader(path).tensors}
    main = GGMLQuantizationType[known_quantizations(names)[0]]
    assert types["blk.0.ffn_up.weight"] == main
    assert types["output_norm.weight"] == GGMLQuantizationType.F32
    assert len(types) == 12


def test_the_same_types_give_the_same_bytes() -> None:
    assert make_sample_model(("Q4_K",)) == make_sample_model(("Q4_K",))


@pytest.mark.parametrize(
    ("wanted", "known"),
    [
        (("Q4_K", "F32", "Q6_K", "Q4_K"), ("Q4_K", "Q6_K")),
        (("F32",), ("F32",)),
        (("SOMETHING_NEW", "F16"), ("F16",)),
        ((), ("Q8_0",)),
    ],
)
def test_types_that_matter_and_can_be_made(wanted: tuple[str, ...], known: tuple[str, ...]) -> None:
    assert known_quantizations(wanted) == known

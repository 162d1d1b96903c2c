"""GGUF headers: read as they are, refused in one sentence when they are not whole or not sane."""

from __future__ import annotations

import contextlib
import io
import struct
import tracemalloc
from pathlib import Path

import gguf
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gguf_bytes import LLAMA, Tensor, Typed, gguf_bytes, text
from llamapack_runtime import gguf_cursor
from llamapack_runtime.ggml_types import FILE_TYPES, TENSOR_TYPES
from llamapack_runtime.gguf_cursor import GgufError
from llamapack_runtime.gguf_header import ArrayInfo, GgufHeader, read_header
from make_gguf import CHATML, make_gguf


def read(data: bytes, start: int = 0, size: int | None = None) -> GgufHeader:
    return read_header(io.BytesIO(data), start, len(data) if size is None else size, "x.gguf")


def refusal(data: bytes) -> str:
    with pytest.raises(GgufError) as caught:
        read(data)
    message = str(caught.value)
    assert message.startswith("x.gguf ")
    assert message.endswith(".")
    return message


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("gguf") / "tiny.gguf"
    return make_gguf(path, license_name="mit").read_bytes()


def test_a_real_header_is_read_as_the_library_reads_it(tmp_path: Path) -> None:
    path = make_gguf(tmp_path / "tiny.gguf", n_layers=2, quantization="Q8_0", license_name="mit")
    header = read(path.read_bytes())
    theirs = gguf.GGUFReader(path)
    assert [(t.name, t.offset, t.size_bytes, t.shape) for t in header.tensors] == [
        (t.name, t.field.parts[-1][0], t.n_bytes, tuple(t.shape)) for t in theirs.tensors
    ]
    assert header.data_offset == theirs.data_offset
    assert header.architecture == "llama"
    assert header.name == "Tiny random"
    assert header.license == "mit"
    assert header.quantization == "Q8_0"
    assert header.context_length == 512
    assert header.chat_template == CHATML
    assert header.parameter_count == sum(int(t.n_elements) for t in theirs.tensors)
    assert header.metadata["tokenizer.ggml.tokens"] == ArrayInfo(8, 261)
    assert len(str(header.metadata["tokenizer.ggml.scores"])) > 261


def test_it_reads_in_the_middle_of_a_larger_file(tiny: bytes) -> None:
    assert read(b"x" * 100 + tiny + b"y" * 100, 100, len(tiny)) == read(tiny)


def test_long_lists_are_walked_over_in_windows() -> None:
    words = [f"word {number}" * 5 for number in range(20_000)]
    facts = {"a": Typed(8, words), "b": Typed(4, list(range(1025))), "c": Typed(5, [-1, 2])}
    header = read(gguf_bytes({**facts, **LLAMA}))
    assert header.metadata["a"] == ArrayInfo(8, 20_000)
    assert header.metadata["b"] == ArrayInfo(4, 1025)
    assert header.metadata["c"] == (-1, 2)
    assert header.tensors[0].name == "token_embd.weight"


def test_without_a_file_type_the_type_of_most_bytes_counts() -> None:
    tensors = [Tensor("a", (32, 4), 0, 0), Tensor("b", (256, 8), 12, 512)]
    header = read(gguf_bytes(tensors=tensors, data_bytes=512 + 8 * 144))
    assert header.quantization == "Q4_K"
    assert header.chat_template is None
    assert header.name == ""
    assert header.context_length == 0


def test_a_truth_value_is_no_number() -> None:
    header = read(gguf_bytes({**LLAMA, "llama.context_length": Typed(7, True)}))
    assert header.context_length == 0


def test_the_tables_agree_with_the_library() -> None:
    theirs = {int(kind): sizes for kind, sizes in gguf.GGML_QUANT_SIZES.items()}
    ours = {kind: tuple(TENSOR_TYPES[kind][1:]) for kind in theirs}
    theirs[9] = (32, 36)  # the library still has the older Q8_1 with two 32-bit floats
    assert ours == theirs
    assert all(gguf.GGMLQuantizationType(kind).name == TENSOR_TYPES[kind].name for kind in theirs)
    for number, name in FILE_TYPES.items():
        if number in list(gguf.LlamaFileType):
            assert gguf.LlamaFileType(number).name.removeprefix("MOSTLY_") in (name, "ALL_F32")


def test_a_big_endian_file_is_named_as_such(tmp_path: Path) -> None:
    writer = gguf.GGUFWriter(tmp_path / "big.gguf", "llama", endianess=gguf.GGUFEndian.BIG)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()
    assert "big-endian" in refusal((tmp_path / "big.gguf").read_bytes())


@pytest.mark.parametrize("version", [0, 1, 4, 77])
def test_an_unknown_version_is_refused(version: int) -> None:
    assert f"GGUF of version {version}," in refusal(gguf_bytes(version=version))


@pytest.mark.parametrize("data", [b"", b"GG", b"PK\x03\x04" + bytes(100), b"ggml" + bytes(50)])
def test_another_kind_of_file_is_no_gguf(data: bytes) -> None:
    assert "is not a GGUF file" in refusal(data)


def test_a_cut_off_file_says_how_much_is_missing() -> None:
    whole = gguf_bytes()
    assert "so 112 bytes are missing" in refusal(whole[:-112])
    assert read(whole).required_bytes == len(whole)


def test_a_cut_at_any_place_is_noticed() -> None:
    whole = gguf_bytes({**LLAMA, "list": Typed(8, ["a", "b"]), "numbers": Typed(4, [1, 2])})
    for length in range(4, len(whole)):
        assert "cut off" in refusal(whole[:length])


HOSTILE = {
    "tensors": (b"GGUF" + struct.pack("<IQQ", 3, 1 << 40, 0), "1,099,511,627,776 tensors"),
    "keys": (b"GGUF" + struct.pack("<IQQ", 3, 0, 1 << 40), "1,099,511,627,776 metadata keys"),
    "key length": (b"GGUF" + struct.pack("<IQQQ", 3, 0, 1, 1 << 63) + bytes(64), "bytes long"),
    "empty key": (gguf_bytes({**LLAMA, "": "x"}), "empty or comes twice"),
    "same key": (gguf_bytes([*LLAMA.items(), *LLAMA.items()]), "comes twice"),
    "value type": (
        b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + text("k") + struct.pack("<I", 13),
        "unknown type 13",
    ),
    "list in a list": (
        b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + text("k") + struct.pack("<IIQ", 9, 9, 1),
        "unusable type 9",
    ),
    "endless list": (
        b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + text("k") + struct.pack("<IIQ", 9, 8, 1 << 62),
        "strings",
    ),
    "endless numbers": (
        b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + text("k") + struct.pack("<IIQ", 9, 12, 1 << 61),
        "cut off",
    ),
    "no architecture": (gguf_bytes({}), "architecture"),
    "architecture is a number": (gguf_bytes({"general.architecture": Typed(4, 1)}), "architecture"),
    "alignment 0": (gguf_bytes({**LLAMA, "general.alignment": Typed(4, 0)}), "alignment is 0"),
    "alignment 48": (gguf_bytes({**LLAMA, "general.alignment": Typed(4, 48)}), "alignment is 48"),
    "alignment of text": (gguf_bytes({**LLAMA, "general.alignment": "32"}), "32-bit number"),
    "tensor name": (gguf_bytes(tensors=[Tensor("n" * 64)]), "64 bytes long"),
    "same tensor": (gguf_bytes(tensors=[Tensor(), Tensor(offset=512)]), "comes twice"),
    "dimensions": (gguf_bytes(tensors=[Tensor(shape=(32, 1, 1, 1, 1))]), "5 dimensions"),
    "overflow": (gguf_bytes(tensors=[Tensor(shape=(1 << 33, 1 << 31))]), "too large"),
    "overflow beside 0": (gguf_bytes(tensors=[Tensor(shape=(0, 1 << 63))]), "too large"),
    "removed type": (gguf_bytes(tensors=[Tensor(type=4)]), "the type 4"),
    "future type": (gguf_bytes(tensors=[Tensor(type=99)]), "does not know"),
    "part of a block": (gguf_bytes(tensors=[Tensor(shape=(33,), type=8)]), "rows of 33"),
    "offset": (gguf_bytes(tensors=[Tensor(offset=32)]), "lies at 32 instead of 0"),
    "overlap": (gguf_bytes(tensors=[Tensor(), Tensor("b", offset=0)]), "instead of 512"),
}


@pytest.mark.parametrize(("data", "part"), HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_header_is_refused(data: bytes, part: str) -> None:
    assert part in refusal(data)


def test_what_a_header_may_make_us_keep_is_bounded() -> None:
    pairs = [(f"key{number}", Typed(0, [0] * 1024)) for number in range(2000)]
    assert "metadata is larger" in refusal(gguf_bytes([*LLAMA.items(), *pairs]))


def test_text_that_steers_a_terminal_is_not_repeated() -> None:
    assert "\x1b" not in refusal(gguf_bytes([("\x1b[2J", "a"), ("\x1b[2J", "b")]))


@st.composite
def mutations(draw: st.DrawFn) -> bytes:
    data = bytearray(
        gguf_bytes(
            {**LLAMA, "list": Typed(8, ["a", "bc"]), "numbers": Typed(4, [1, 2]), "x": "text"},
            [Tensor(), Tensor("b", (32,), 8, 512)],
            data_bytes=546,
        )
    )
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, len(data) - 1))
        data[at : at + draw(st.integers(0, 9))] = draw(
            st.binary(max_size=9) | st.sampled_from([b"\xff" * 8, b"\0" * 8, b"\0\0\0\x80"])
        )
    return bytes(data)


@settings(max_examples=400, deadline=1000)
@given(mutations() | st.binary(max_size=300).map(lambda tail: b"GGUF\x03\0\0\0" + tail))
def test_no_header_raises_anything_else(data: bytes) -> None:
    with contextlib.suppress(GgufError):
        assert read(data).required_bytes <= len(data)


def test_a_hostile_length_costs_no_memory() -> None:
    body = b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + text("k") + struct.pack("<IQ", 8, 1 << 30)
    tracemalloc.start()
    with pytest.raises(GgufError):
        read_header(io.BytesIO(body), 0, 1 << 40, "x.gguf")
    assert tracemalloc.get_traced_memory()[1] < gguf_cursor.WINDOW_BYTES * 4
    tracemalloc.stop()

"""A projector is checked before it is loaded, and a packed one copied once."""

from __future__ import annotations

from pathlib import Path

import pytest

from llamapack_runtime.errors import ModelFileUnusable
from llamapack_runtime.gguf_header import GgufHeader, read_header
from llamapack_runtime.launch.projector import ProjectorSource, _as_file, check
from make_gguf import make_gguf
from make_mmproj import Kind, make_mmproj


def header(path: Path) -> GgufHeader:
    with path.open("rb") as file:
        return read_header(file, 0, path.stat().st_size, path.name)


def source(path: Path) -> ProjectorSource:
    return ProjectorSource(path, 0, path.stat().st_size)


@pytest.fixture
def model(tmp_path: Path) -> GgufHeader:
    return header(make_gguf(tmp_path / "model.gguf"))


def test_one_that_fits_is_taken(tmp_path: Path, model: GgufHeader) -> None:
    check(source(make_mmproj(tmp_path / "p.gguf")), model)
    check(None, model)


def test_one_of_another_model_is_refused_with_both_numbers(
    tmp_path: Path, model: GgufHeader
) -> None:
    with pytest.raises(ModelFileUnusable, match=r"rows of 96 numbers, .* reads rows of 64"):
        check(source(make_mmproj(tmp_path / "p.gguf", n_embd=96)), model)


def test_what_is_no_projector_is_refused(tmp_path: Path, model: GgufHeader) -> None:
    with pytest.raises(ModelFileUnusable, match="is no projector: its architecture is llama"):
        check(source(tmp_path / "model.gguf"), model)
    with pytest.raises(ModelFileUnusable, match="no encoder for images"):
        check(source(make_mmproj(tmp_path / "p.gguf", has_vision=False)), model)
    (tmp_path / "short.gguf").write_bytes(b"GGUF")
    with pytest.raises(ModelFileUnusable, match=r"short\.gguf"):
        check(source(tmp_path / "short.gguf"), model)


def test_one_of_a_model_with_positions_in_lines_and_columns_is_taken(tmp_path: Path) -> None:
    qwen = header(make_gguf(tmp_path / "q.gguf", architecture="qwen2vl"))
    check(source(make_mmproj(tmp_path / "p.gguf", kind="qwen2vl_merger")), qwen)


def test_a_model_that_lays_images_out_in_an_unknown_way_is_refused(tmp_path: Path) -> None:
    model = header(make_gguf(tmp_path / "h.gguf", architecture="hunyuan_vl"))
    with pytest.raises(ModelFileUnusable, match="architecture hunyuan_vl: it lays images out"):
        check(source(make_mmproj(tmp_path / "p.gguf")), model)


def test_one_for_sound_alone_is_refused_and_one_for_both_reads_images(
    tmp_path: Path, model: GgufHeader
) -> None:
    deaf = source(make_mmproj(tmp_path / "s.gguf", has_vision=False, has_audio=True))
    with pytest.raises(ModelFileUnusable, match="one for sound, which this program does not read"):
        check(deaf, model)
    check(source(make_mmproj(tmp_path / "b.gguf", has_audio=True)), model)


@pytest.mark.parametrize("kind", ["mlp", "qwen2vl_merger"])
@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("image_size", 0),
        ("image_size", 13),
        ("image_size", 2**32 - 1),
        ("patch_size", 0),
        ("patch_size", 1),
        ("embedding_length", 3),
        ("embedding_length", 2**31 - 1),
        ("attention.head_count", 0),
        ("attention.head_count", 3),
        ("block_count", 0),
        ("block_count", 2**32 - 1),
    ],
)
def test_sizes_that_contradict_each_other_are_named(
    tmp_path: Path, model: GgufHeader, kind: Kind, name: str, size: int
) -> None:
    """libmtmd ends the process on most of them."""
    path = make_mmproj(tmp_path / "p.gguf", kind=kind, changed={name: size})
    with pytest.raises(ModelFileUnusable, match=r"is damaged: its clip\.vision") as told:
        check(source(path), model)
    assert name in str(told.value) or name == "patch_size"


def test_an_image_with_more_patches_than_places_is_refused(
    tmp_path: Path, model: GgufHeader
) -> None:
    path = make_mmproj(tmp_path / "p.gguf", changed={"image_size": 560})
    with pytest.raises(ModelFileUnusable, match="image_size is 560"):
        check(source(path), model)


def test_a_packed_one_is_copied_once(tmp_path: Path) -> None:
    pack, folder = tmp_path / "pack", tmp_path / "cache" / "projectors"
    pack.write_bytes(b"before" + b"eye" * 9 + b"after")
    packed = ProjectorSource(pack, 6, 27, "ab" * 32)
    copy = _as_file(packed, folder)
    assert copy.read_bytes() == b"eye" * 9
    pack.write_bytes(bytes(99))
    assert _as_file(packed, folder).read_bytes() == b"eye" * 9
    copy.write_bytes(b"cut off")
    assert _as_file(packed, folder).read_bytes() == bytes(27)
    assert [path.name for path in folder.iterdir()] == ["ab" * 32 + ".gguf"]


def test_a_few_copies_are_kept(tmp_path: Path) -> None:
    pack, folder = tmp_path / "pack", tmp_path / "cache"
    pack.write_bytes(bytes(9))
    for n in range(9):
        _as_file(ProjectorSource(pack, 0, 9, f"{n:064}"), folder)
    assert len([*folder.iterdir()]) == 4
    assert (folder / f"{8:064}.gguf").exists()


def test_a_file_is_used_where_it_is(tmp_path: Path) -> None:
    path = tmp_path / "p.gguf"
    path.write_bytes(b"eye")
    assert _as_file(source(path), tmp_path / "cache") == path
    assert not (tmp_path / "cache").exists()

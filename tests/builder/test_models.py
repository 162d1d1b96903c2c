"""`llamapack build --with`: several models in one pack."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from command_line import Run
from llamapack.models import MAX_MODELS, split_name
from llamapack_runtime.pack import Pack
from make_bert_gguf import make_bert
from make_gguf import make_gguf
from make_lora import make_lora, random_pair


def test_each_model_has_an_aligned_entry_and_a_name(workplace: Path, model: Path, run: Run) -> None:
    second = make_gguf(workplace / "b.gguf", name="Second", n_layers=3)
    bert = make_bert(workplace / "bert.gguf")
    made = run("build", model, "--with", second, "--with", f"search={bert}", "-o", "chat", "--json")
    assert made.code == 0
    with Pack.open(workplace / "chat") as pack:
        models = pack.manifest.models
        offsets = [pack.entry(one.entry).data_offset for one in models]
    assert [one.name for one in models] == ["Tiny", "Second", "search"]
    assert [one.kind for one in models] == ["chat", "chat", "embedding"]
    assert [one.entry for one in models] == [
        "model/Tiny Model.gguf",
        "model/b.gguf",
        "model/bert.gguf",
    ]
    assert all(offset % 65536 == 0 for offset in offsets)
    sizes = sum(path.stat().st_size for path in (model, second, bert))
    assert json.loads(made.out)["model_bytes"] == sizes
    assert run("verify", "chat", "--full").code == 0


def test_inspect_shows_them_all(workplace: Path, model: Path, run: Run) -> None:
    bert = make_bert(workplace / "bert.gguf")
    run("build", model, "--with", bert, "-o", "chat")
    lines = run("inspect", "chat").out.splitlines()
    assert any(line.startswith("Model:") and "Tiny" in line for line in lines)
    assert any(line.startswith("and:") and "for embeddings" in line for line in lines)


def test_what_comes_with_a_further_model_is_named_and_left_out(
    workplace: Path, model: Path, run: Run
) -> None:
    second = make_gguf(workplace / "b.gguf", name="Second", n_layers=2)
    make_lora(workplace / "pirate.gguf", {"blk.0.ffn_down.weight": random_pair(128, 64)})
    text = f"FROM {second}\nADAPTER pirate.gguf\nSYSTEM Be kind.\n"
    (workplace / "Modelfile").write_text(text)
    ran = run("build", model, "--with", "Modelfile", "-o", "chat")
    assert ran.code == 0
    assert "b.gguf is left out (system-prompt, the adapter pirate.gguf): settings" in ran.err


def test_two_models_of_one_name_are_refused_with_what_to_do(
    workplace: Path, model: Path, run: Run
) -> None:
    other = make_gguf(workplace / "other.gguf", name="tiny")
    ran = run("build", model, "--with", other, "-o", "chat")
    assert ran.code == 1
    assert "Tiny Model.gguf and other.gguf are both called 'tiny'" in ran.err
    assert f"--with NAME={other}" in ran.err
    assert not Path("chat").exists()
    assert run("build", model, "--with", f"Small={other}", "-o", "chat").code == 0


def test_two_files_of_one_name_have_entries_of_their_own(
    workplace: Path, model: Path, run: Run
) -> None:
    (workplace / "b").mkdir()
    shutil.copyfile(model, workplace / "b" / model.name)
    assert run("build", model, "--with", f"B=b/{model.name}", "-o", "chat").code == 0
    with Pack.open(workplace / "chat") as pack:
        assert pack.manifest.others[0].entry == "model/Tiny Model-2.gguf"


def test_a_model_that_does_not_chat_comes_behind_those_that_do(
    workplace: Path, model: Path, run: Run
) -> None:
    bert = make_bert(workplace / "bert.gguf")
    ran = run("build", bert, "--with", model, "-o", "chat")
    assert ran.code == 1
    assert "name Tiny Model.gguf first and add bert.gguf with --with" in ran.err


def test_every_model_is_checked(workplace: Path, model: Path, run: Run) -> None:
    strange = make_gguf(workplace / "strange.gguf", architecture="mamba9", name="Strange")
    ran = run("build", model, "--with", strange, "-o", "chat")
    assert ran.code == 1
    assert "strange.gguf has the architecture 'mamba9'" in ran.err
    assert run("build", model, "--with", "missing.gguf", "-o", "chat").code == 1


@pytest.mark.usefixtures("workplace")
def test_there_are_not_too_many(model: Path, run: Run) -> None:
    further = [f"--with=m{number}={model}" for number in range(MAX_MODELS)]
    ran = run("build", model, *further, "-o", "chat")
    assert ran.code == 1
    assert f"up to {MAX_MODELS} models" in ran.err


@pytest.mark.usefixtures("workplace")
def test_a_model_more_makes_it_another_pack(model: Path, run: Run) -> None:
    one = json.loads(run("build", model, "-o", "one", "--json").out)
    two = json.loads(run("build", model, "--with", f"B={model}", "-o", "two", "--json").out)
    assert one["pack_id"] != two["pack_id"]


@pytest.mark.parametrize(
    ("text", "path", "name"),
    [
        ("a.gguf", "a.gguf", None),
        ("B=a.gguf", "a.gguf", "B"),
        ("my model=x/a=b.gguf", "x/a=b.gguf", "my model"),
        ("folder/a=b.gguf", "folder/a=b.gguf", None),
    ],
)
def test_a_name_comes_before_the_file(text: str, path: str, name: str | None) -> None:
    assert split_name(text) == (path, name)


@pytest.mark.usefixtures("workplace")
@pytest.mark.parametrize("name", [" ", "a\nb", "x" * 201])
def test_a_name_is_one_line(model: Path, run: Run, name: str) -> None:
    ran = run("build", model, "--with", f"{name}={model}", "-o", "chat")
    assert ran.code == 1
    assert "a name is one line" in ran.err

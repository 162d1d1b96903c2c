"""`llamapack doctor`, with a script that stands in for the runtime, and with the runtime itself."""

from __future__ import annotations

import json
import os
import shlex
import sys
from pathlib import Path
from typing import Any

import pytest

from builder.runtime_image import add_image, image_of, runtime_from_source
from command_line import Run
from gguf_bytes import LLAMA, Tensor, Typed, gguf_bytes
from llamapack.image import store
from llamapack_runtime.pack import GgufHeader, read_header
from make_gguf import CHATML, make_gguf
from split_gguf import split

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the target is Linux")

TOKEN = {"number": 5, "text": "<end>"}
TOLD: dict[str, Any] = {
    "vocabulary": {
        "bos": {"number": 1, "text": "<s>"},
        "eos": TOKEN,
        "eot": None,
        "pad": None,
        "ends": [TOKEN],
        "adds_bos": True,
        "tokens": 261,
    },
    "template": {
        "problem": None,
        "repeats_bos": False,
        "after_answer": "<end>\n<user>",
        "renderings": [
            {"name": "a talk", "text": "<user>When?\nNow.", "problem": None},
            {"name": "with a tool", "text": None, "problem": "It shows no tools."},
        ],
        "shows_system": True,
        "shows_tools": False,
        "shows_tool_calls": False,
        "shows_reasoning": False,
    },
    "memory": [
        {"context": 512, "cache_type": "f16", "cache_bytes": 65536, "needed_bytes": 104_000_000}
    ],
}


def answering(told: dict[str, Any]) -> str:
    return f"[ $1 = --describe-model ] && printf %s {shlex.quote(json.dumps(told))}"


def changed(part: str, **values: Any) -> dict[str, Any]:
    return {**TOLD, part: {**TOLD[part], **values}}


def header_of(path: Path) -> GgufHeader:
    with path.open("rb") as file:
        return read_header(file, 0, path.stat().st_size, path.name)


def facts_of(run: Run, path: Path) -> dict[str, Any]:
    ran = run("doctor", path, "--json")
    facts: dict[str, Any] = json.loads(ran.out)
    assert ran.code == (0 if facts["packable"] else 1)
    return facts


def test_a_good_model_is_told_to_people(workplace: Path, model: Path, run: Run) -> None:
    add_image(workplace / "image", answering(TOLD))
    ran = run("doctor", model)
    assert (ran.code, ran.err) == (0, "")
    for line in (
        "Model:         Tiny\n",
        "Architecture:  llama\n",
        "Quantization:  F32\n",
        "Output layer:  F32, 32 bits for a weight\n",
        "Licence:       mit\n",
        "Stops at:      <end>\n",
        "Begins with:   <s>\n",
        "  | <user>When?\n  | Now.\n",
        "       512  f16            65.5 kB       104.0 MB\n",
    ):
        assert line in ran.out
    assert ran.out.endswith("It can be packed.\n")
    assert "Doubtful" not in ran.out


def test_a_pack_and_its_model_are_told_alike(pack: Path, model: Path, run: Run) -> None:
    add_image(pack.parent / "image", answering(TOLD))
    of_pack, of_model = facts_of(run, pack), facts_of(run, model)
    assert of_pack["packable"] is True
    assert {key for key in of_pack if of_pack[key] != of_model[key]} == {"path"}


def test_the_archive_of_an_app_is_looked_into(
    workplace: Path, tmp_path: Path, model: Path, run: Run
) -> None:
    add_image(workplace / "image", answering(TOLD))
    store.add_image(image_of(tmp_path / "mac", "macos-arm64", b"", b"a launcher"))
    assert run("build", model, "-o", "chat", "--target", "macos-arm64").code == 0
    of_app, of_model = facts_of(run, Path("chat.app")), facts_of(run, model)
    assert {key for key in of_app if of_app[key] != of_model[key]} == {"path"}


def test_the_licence_that_a_pack_names_is_no_doubt(workplace: Path, run: Run) -> None:
    add_image(workplace / "image", answering(TOLD))
    make_gguf(Path("free.gguf"))
    assert run("build", "free.gguf", "-o", "chat", "--license", "cc0-1.0").code == 0
    assert "states no licence" in run("doctor", "free.gguf", "--json").out
    ran = run("doctor", "chat", "--json")
    assert (json.loads(ran.out)["license"], "states no licence" in ran.out) == ("cc0-1.0", False)


@pytest.mark.parametrize("kind", ["whole", "split", "packed"])
def test_the_runtime_gets_the_metadata_alone(workplace: Path, run: Run, kind: str) -> None:
    whole = make_gguf(Path("whole.gguf"), extra={"llama.extra": "words"})
    path = whole
    if kind == "split":
        path = split(whole, workplace, 3)[1]
    elif kind == "packed":
        assert run("build", whole, "-o", "packed").code == 0
        path = Path("packed")
    seen = workplace / "seen.gguf"
    add_image(workplace / "image", f'cp "$2" {seen}; {answering(TOLD)}')
    assert facts_of(run, path)["packable"]
    header, original = header_of(seen), header_of(whole)
    assert header.tensors == ()
    assert dict(header.metadata) == dict(original.metadata)
    assert seen.stat().st_size % 32 == 0


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (
            changed("template", after_answer="\n<user>"),
            "Behind an answer the chat template writes '<user>', but the model stops at <end>: ",
        ),
        (changed("template", after_answer=" "), "the chat template writes nothing, but"),
        (changed("template", after_answer=None), "leaves out earlier answers"),
        (changed("vocabulary", ends=[]), "no token that ends an answer"),
        (changed("vocabulary", eos=None), "no end-of-text token (EOS)"),
        ({**TOLD, "template": None}, "no chat template; messages are written in the ChatML form"),
        (
            changed("template", problem="Line 3: \x1b."),
            "fails, and ChatML is used: Line 3: \ufffd.",
        ),
        (changed("template", shows_system=False), "leaves out system messages"),
        (changed("template", repeats_bos=True), "(BOS) twice"),
        (changed("template", shows_tools=True), "(with a tool): It shows no tools."),
    ],
)
def test_what_is_doubtful_is_said(
    workplace: Path, model: Path, run: Run, told: dict[str, Any], words: str
) -> None:
    add_image(workplace / "image", answering(told))
    [doubt] = facts_of(run, model)["doubts"]
    assert words in doubt
    ran = run("doctor", model)
    assert f"Doubtful: {doubt}\nIt can be packed.\n" in ran.out


@pytest.mark.parametrize(
    ("after", "words"),
    [("<end>\n<user>", []), ("<user>", ["Behind an answer", "padding token is the end-of-text"])],
)
def test_a_padding_token_is_doubtful_where_answers_may_run_on(
    workplace: Path, model: Path, run: Run, after: str, words: list[str]
) -> None:
    told = changed("vocabulary", pad=TOKEN) | {
        "template": {**TOLD["template"], "after_answer": after}
    }
    add_image(workplace / "image", answering(told))
    doubts = facts_of(run, model)["doubts"]
    assert len(doubts) == len(words)
    assert all(one in doubt for one, doubt in zip(words, doubts, strict=True))


@pytest.mark.parametrize("ends", [[], [TOKEN, {"number": 6, "text": "<|return|>"}]])
def test_the_end_of_a_part_is_none_of_an_answer(
    workplace: Path, model: Path, run: Run, ends: list[Any]
) -> None:
    """As the Harmony form has it; and without any end there is a doubt already."""
    told = changed("vocabulary", ends=ends) | {
        "template": {**TOLD["template"], "after_answer": "<|end|>"}
    }
    add_image(workplace / "image", answering(told))
    assert len(facts_of(run, model)["doubts"]) == (not ends)


@pytest.mark.usefixtures("workplace")
def test_a_model_of_ten_million_tokens_is_believed(run: Run) -> None:
    make_gguf(Path("long.gguf"), n_ctx=10_485_760, license_name="mit")
    ran = run("doctor", "long.gguf", "--json")
    assert "which no model has" not in ran.out


Q4_K, F32 = 12, 0


@pytest.mark.parametrize(
    ("metadata", "tensors", "words"),
    [
        ({}, [], "states no licence"),
        ({}, [], "states no length of context"),
        ({}, [], "states no name"),
        ({"llama.context_length": Typed(4, 1 << 31)}, [], "2,147,483,648 tokens, which no model"),
        ({"llama.context_length": Typed(4, 128)}, [], "128 tokens, which has hardly room"),
        ({"tokenizer.ggml.tokens": Typed(8, ["a"] * 3)}, [], "3 tokens, but there are embeddings"),
        (
            {"llama.embedding_length": Typed(4, 64)},
            [],
            "embeddings of 64 numbers, but they have 32",
        ),
        (
            {"llama.block_count": Typed(4, 3)},
            [Tensor("blk.1.ffn_up.weight")],
            "states 3 layers, but has the weights of 2",
        ),
        ({"general.file_type": Typed(4, 2)}, [], "it is Q4_0, but none of its tensors is Q4_0"),
        ({"general.file_type": Typed(4, 1)}, [Tensor("a", (32, 4))], "in full precision"),
        ({}, [Tensor("output.weight", (256, 4), Q4_K)], "output layer is Q4_K, 4.5 bits"),
    ],
)
def test_doubts_of_the_header(
    workplace: Path, run: Run, metadata: dict[str, Typed], tensors: list[Tensor], words: str
) -> None:
    add_image(workplace / "image", answering(TOLD))
    data = gguf_bytes({**LLAMA, **metadata}, tensors or [Tensor()], data_bytes=1024)
    Path("odd.gguf").write_bytes(data)
    facts = facts_of(run, Path("odd.gguf"))
    assert facts["packable"]
    assert any(words in doubt for doubt in facts["doubts"]), facts["doubts"]


@pytest.mark.usefixtures("workplace")
@pytest.mark.parametrize(
    ("content", "words"), [(b"hello", "not a GGUF file"), (b"GGUF", "cut off"), (None, "none.gguf")]
)
def test_what_is_no_model_cannot_be_packed(run: Run, content: bytes | None, words: str) -> None:
    path = Path("none.gguf")
    if content is not None:
        path.write_bytes(content)
    [problem] = facts_of(run, path)["problems"]
    assert words in problem
    ran = run("doctor", path)
    assert (ran.code, ran.out) == (1, "")
    assert words in ran.err


def test_what_llama_cpp_refuses_cannot_be_packed(workplace: Path, model: Path, run: Run) -> None:
    add_image(workplace / "image", "echo 'key llama.block_count not found.' >&2; exit 5")
    [problem] = facts_of(run, model)["problems"]
    assert problem == "llama.cpp cannot use Tiny Model.gguf: key llama.block_count not found."
    ran = run("doctor", model)
    assert (ran.code, ran.err) == (1, "")
    assert ran.out.endswith(f"Problem: {problem}\nIt cannot be packed.\n")


@pytest.mark.parametrize("answer", ["echo '[]'", "echo {", "true"])
def test_an_answer_that_is_none_is_a_sentence(
    workplace: Path, model: Path, run: Run, answer: str
) -> None:
    add_image(workplace / "image", answer)
    [problem] = facts_of(run, model)["problems"]
    assert "the runtime gave" in problem


def test_an_unknown_architecture_cannot_be_packed(workplace: Path, model: Path, run: Run) -> None:
    add_image(workplace / "image", answering(TOLD), architectures=("gemma",))
    [problem] = facts_of(run, model)["problems"]
    assert "has the architecture 'llama', which the llama.cpp in this runtime" in problem


def test_without_an_image_the_header_is_told(
    model: Path, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LLAMAPACK_BUILD_CACHE", str(tmp_path))
    facts = facts_of(run, model)
    assert (facts["name"], facts["packable"]) == ("Tiny", True)
    assert "'llamapack runtime build'" in facts["doubts"][-1]


@pytest.mark.usefixtures("workplace")
def test_a_damaged_image_is_a_sentence(model: Path, run: Run) -> None:
    ran = run("doctor", model)
    assert (ran.code, ran.out) == (1, "")
    assert "cannot be unpacked" in ran.err


@pytest.mark.slow
def test_the_runtime_itself_describes_a_model(workplace: Path, run: Run) -> None:
    libraries = os.environ.get("LLAMAPACK_TEST_LIBRARIES")
    if libraries is None:
        pytest.skip("LLAMAPACK_TEST_LIBRARIES names no folder")
    add_image(workplace / "image", runtime_from_source(Path(libraries)))
    bad = "{% if messages[0].role == 'system' %}{{ raise_exception('No system.') }}{% endif %}"
    for name, template, doubts in (
        ("good", CHATML, []),
        ("endless", CHATML.replace("<|im_end|>", ""), ["Behind an answer the chat template"]),
        ("forgetful", "{{ messages[-1].content }}", ["earlier answers", "leaves out system"]),
        ("bad", bad + CHATML, ["leaves out system"]),
        ("broken", "{% if %}", ["The chat template fails, and ChatML is used: "]),
    ):
        path = make_gguf(Path(f"{name}.gguf"), chat_template=template, license_name="mit")
        facts = facts_of(run, path)
        assert facts["packable"], facts
        assert facts["vocabulary"]["eos"]["text"] == "<|im_end|>"
        assert [one["cache_type"] for one in facts["memory"]] == ["f16", "q8_0", "q4_0"]
        assert len(facts["doubts"]) == len(doubts), facts["doubts"]
        assert all(words in doubt for words, doubt in zip(doubts, facts["doubts"], strict=True))
    good = facts_of(run, Path("good.gguf"))
    assert good["template"]["renderings"][0]["text"].startswith("<|im_start|>user\nWho wrote")
    Path("cut.gguf").write_bytes(gguf_bytes())
    [problem] = facts_of(run, Path("cut.gguf"))["problems"]
    assert "llama.cpp cannot use cut.gguf" in problem

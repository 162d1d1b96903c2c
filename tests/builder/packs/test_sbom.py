"""`llamapack sbom`: valid CycloneDX that names every part."""

from __future__ import annotations

import json
from pathlib import Path

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from command_line import Run
from make_gguf import make_gguf
from make_lora import make_lora, random_pair
from make_mmproj import make_mmproj


def test_it_is_valid_and_names_every_part(pack: Path, run: Run) -> None:
    text = run("sbom", pack).out
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    parts = {part["name"]: part for part in json.loads(text)["components"]}
    assert parts["Tiny"]["type"] == "machine-learning-model"
    assert parts["Tiny"]["licenses"] == [{"license": {"name": "mit"}}]
    assert parts["llama-cpp-python"]["purl"] == "pkg:pypi/llama-cpp-python@0.3.36"
    assert {"licenses/a.txt", "licenses/b.txt", "runtime/linux-x86_64.tar.zst"} <= parts.keys()


def test_the_same_pack_gives_the_same_text(pack: Path, run: Run) -> None:
    assert run("sbom", pack).out == run("sbom", pack).out
    before = json.loads(run("sbom", pack).out)["serialNumber"]
    run("config", pack, "--set", "temp=1")
    assert json.loads(run("sbom", pack).out)["serialNumber"] != before


def test_it_can_be_written_to_a_file(pack: Path, run: Run) -> None:
    assert run("sbom", pack, "-o", "bill.json").out == ""
    assert json.loads(Path("bill.json").read_text()) == json.loads(run("sbom", pack).out)


def test_all_that_has_weights_is_a_model_and_says_of_which(workplace: Path, run: Run) -> None:
    make_gguf(workplace / "m.gguf", name="Big", n_layers=4)
    make_gguf(workplace / "small.gguf", seed=2)
    make_mmproj(workplace / "eyes.gguf")
    make_lora(workplace / "pirate.gguf", {"blk.0.ffn_down.weight": random_pair(128, 64)})
    flags = ("--lora", "pirate.gguf", "--mmproj", "eyes.gguf", "--draft", "small.gguf")
    assert run("build", "m.gguf", "-o", "p", *flags).code == 0
    text = run("sbom", "p").out
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    parts = [
        (part["name"], [one["value"] for one in part["properties"]])
        for part in json.loads(text)["components"]
        if part["type"] == "machine-learning-model"
    ]
    assert [name for name, _ in parts] == [
        "Big",
        "pirate",
        "mmproj/eyes.gguf",
        "draft/small.gguf",
    ]
    roles = [values for _, values in parts[1:]]
    assert roles == [["adapter", "Big"], ["projector", "Big"], ["draft model", "Big"]]

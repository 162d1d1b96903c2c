"""hf:OWNER/REPO[:QUANT] and hf:OWNER/REPO/FILE.gguf: a model out of Hugging Face's cache, or
downloaded into it when it is not there."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

from llamapack.errors import ModelError
from llamapack.gguf_files.split import NAME
from llamapack.inputs import hub
from llamapack.inputs.choosing import Candidate, candidates, choose, projectors
from llamapack.inputs.file import from_file
from llamapack.inputs.folder import unconverted_text
from llamapack.inputs.found import Found
from llamapack.inputs.hf_cache import HubName, cached_files, parse_hub_name, snapshot
from llamapack.reporter import Reporter


def from_hugging_face(text: str, reporter: Reporter) -> Found:
    """Raises ModelError in a sentence for each way in which a download can fail."""
    name = parse_hub_name(text)
    path, names = _cached(name) or _downloaded(name, reporter)
    beside = projectors(names)
    return from_file(path).with_projector(Path(beside[0]) if beside else None)


def _cached(name: HubName) -> tuple[Path, Collection[str]] | None:
    """The first file of the model, and all names beside it; None when it is not there, or not all
    of it."""
    folder = snapshot(name.repository)
    if folder is None:
        return None
    sizes = cached_files(folder)
    try:
        chosen = _chosen(name, sizes)
    except ModelError:
        return None
    match = NAME.fullmatch(Path(chosen.files[0]).name)
    is_whole = match is None or int(match["count"]) == len(chosen.files)
    return (folder / chosen.files[0], sizes) if is_whole else None


def _downloaded(name: HubName, reporter: Reporter) -> tuple[Path, Collection[str]]:
    """The same, with all files of the model here now."""
    sizes = hub.list_files(name.repository)
    chosen = _chosen(name, sizes)
    reporter.note(f"Downloading {chosen.shown} of {name.repository} from Hugging Face.")
    paths = [hub.download(name.repository, file, reporter) for file in chosen.files]
    return paths[0], sizes


def _chosen(name: HubName, sizes: Mapping[str, int | None]) -> Candidate:
    if not candidates(sizes.items()) and any(one.endswith(".safetensors") for one in sizes):
        raise ModelError(unconverted_text(f"hf:{name.repository}"))
    if name.file is None:
        return choose(candidates(sizes.items()), name.quantization, f"hf:{name.repository}")
    found = next((one for one in candidates(sizes.items()) if name.file in one.files), None)
    if found is not None:
        return found
    if name.file in sizes:
        return Candidate((name.file,), sizes[name.file])
    shown = candidates(sizes.items())
    return choose(shown, name.file, f"hf:{name.repository}")

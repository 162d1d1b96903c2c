"""`llamapack sbom`: what a pack is made of, as CycloneDX 1.6 in JSON.

Source of the format: ECMA-424, cyclonedx.org/docs/1.6/json. The same pack gives the same bytes, so
the serial number is made from its seal, and there is no time stamp.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator
from typing import Any

from llamapack_runtime.pack import Entry, ModelInfo, Pack
from llamapack_runtime.pack.format import MANIFEST_NAME, SIGNATURE_NAME

# What is no package of the Python index.
_NOT_PACKAGES = {
    "python": "pkg:generic/python@{version}",
    "vulkan-headers": "pkg:generic/vulkan-headers@{version}",
}


def software_bill(pack: Pack) -> dict[str, Any]:
    """The document as JSON has it."""
    manifest = pack.manifest
    root = {
        "type": "application",
        "bom-ref": f"pack:{manifest.pack_id}",
        "name": manifest.name,
        "version": manifest.pack_id,
        "properties": [
            {"name": "llamapack:target", "value": manifest.target},
            {"name": "llamapack:runtime-key", "value": manifest.runtime.key},
            *({"name": "llamapack:gpu", "value": name} for name in manifest.runtime.gpu or ()),
        ],
    }
    parts = [*_models(pack), *_packages(pack), *_files(pack)]
    refs = [part["bom-ref"] for part in parts]
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{_serial(pack)}",
        "version": 1,
        "metadata": {
            "component": root,
            "tools": {
                "components": [
                    {
                        "type": "application",
                        "name": "llamapack",
                        "version": manifest.llamapack_version,
                    }
                ]
            },
        },
        "components": parts,
        "dependencies": [
            {"ref": root["bom-ref"], "dependsOn": refs},
            *({"ref": ref} for ref in refs),
        ],
    }


def _models(pack: Pack) -> Iterator[dict[str, Any]]:
    for model in pack.manifest.models:
        found: dict[str, Any] = {
            "type": "machine-learning-model",
            "bom-ref": f"entry:{model.entry}",
            "name": model.name,
            "hashes": _hashes(pack.entry(model.entry)),
            "modelCard": {
                "modelParameters": {
                    "task": _TASKS[model.kind],
                    "architectureFamily": model.architecture,
                }
            },
            "properties": _model_properties(model),
        }
        if model.license:
            found["licenses"] = [{"license": {"name": model.license}}]
        yield found
        yield from _parts(pack, model)


def _parts(pack: Pack, model: ModelInfo) -> Iterator[dict[str, Any]]:
    """What has weights and belongs to the model."""
    roles = [("adapter", one.name, one.entry) for one in model.adapters]
    named = (("projector", model.projector), ("draft model", model.draft))
    roles += [(role, entry, entry) for role, entry in named if entry is not None]
    for role, name, entry in roles:
        yield {
            "type": "machine-learning-model",
            "bom-ref": f"entry:{entry}",
            "name": name,
            "hashes": _hashes(pack.entry(entry)),
            "properties": [
                {"name": "llamapack:role", "value": role},
                {"name": "llamapack:model", "value": model.name},
            ],
        }


_TASKS = {
    "chat": "text-generation",
    "embedding": "feature-extraction",
    "reranker": "text-ranking",
}


def _model_properties(model: ModelInfo) -> list[dict[str, str]]:
    facts = {
        "llamapack:quantization": model.quantization,
        "llamapack:parameters": str(model.parameter_count),
        "llamapack:context-length": str(model.context_length),
    }
    return [{"name": name, "value": value} for name, value in facts.items()]


def _packages(pack: Pack) -> Iterator[dict[str, Any]]:
    """The parts of the runtime whose versions the manifest has."""
    for name, version in sorted(pack.manifest.runtime.versions.items()):
        purl = _NOT_PACKAGES.get(name, "pkg:pypi/{name}@{version}")
        yield {
            "type": "library",
            "bom-ref": f"package:{name}",
            "name": name,
            "version": version,
            "purl": purl.format(name=name, version=version),
        }


def _files(pack: Pack) -> Iterator[dict[str, Any]]:
    models = {name for model in pack.manifest.models for name in model.entry_names}
    for entry in pack.entries:
        if entry.name not in models | {MANIFEST_NAME, SIGNATURE_NAME}:
            yield {
                "type": "file",
                "bom-ref": f"entry:{entry.name}",
                "name": entry.name,
                "hashes": _hashes(entry),
            }


def _hashes(entry: Entry) -> list[dict[str, str]]:
    return [{"alg": "SHA-256", "content": entry.sha256}]


def _serial(pack: Pack) -> uuid.UUID:
    sums = "".join(entry.sha256 for entry in pack.entries if entry.name != SIGNATURE_NAME)
    return uuid.UUID(bytes=hashlib.sha256(sums.encode()).digest()[:16], version=4)

"""The real chat model of the engine's tests."""

from __future__ import annotations

from runtime.engine.conftest import cpu_backend, library_folder, model_path, smol_model

__all__ = ["cpu_backend", "library_folder", "model_path", "smol_model"]

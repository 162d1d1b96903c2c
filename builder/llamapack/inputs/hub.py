"""Downloads from Hugging Face with huggingface_hub, which resumes what was cut off. The only part
of llamapack that opens a connection, and only when a model is named that is not here."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from llamapack.errors import ModelError
from llamapack.inputs.hf_cache import cache_folder
from llamapack.inputs.hub_file import fetch, library_utilities
from llamapack.reporter import Reporter
from llamapack.text import plain

NOT_INSTALLED = (
    "{what} is not in Hugging Face's cache here, and downloads need the package huggingface_hub. "
    "Install it with: pip install 'llamapack[hf]', or download the file yourself and name it."
)
_TIMEOUT_S = 20.0
_CLIENTS = (("httpx2", "HTTPError"), ("httpx", "HTTPError"), ("requests", "RequestException"))


def list_files(repository: str) -> dict[str, int | None]:
    """The files of its main branch with their sizes in bytes. Raises ModelError."""
    hub = _library(repository)
    with _told(repository):
        api = hub.HfApi(endpoint=_endpoint())
        info = api.model_info(repository, files_metadata=True, timeout=_TIMEOUT_S)
    return {file.rfilename: file.size for file in info.siblings or ()}


def download(repository: str, file: str, reporter: Reporter) -> Path:
    """Into the cache, where the next build finds it; what an earlier try left is gone on with.
    Raises ModelError."""
    hub = _library(repository)
    with _told(f"{repository}/{file}"):
        url = hub.hf_hub_url(repository, file, endpoint=_endpoint())
        blobs = cache_folder() / f"models--{repository.replace('/', '--')}" / "blobs"
        fetch(url, blobs, plain(file), reporter)
        # The blob is there now: this names it in the cache, and asks for no byte of it.
        return Path(
            hub.hf_hub_download(repository, file, cache_dir=cache_folder(), endpoint=_endpoint())
        )


def _library(what: str) -> Any:
    """Quiet: what goes wrong is told once, by us, and a token is in none of our messages."""
    try:
        import huggingface_hub  # optional, and slow to import
    except ImportError as error:
        raise ModelError(NOT_INSTALLED.format(what=f"hf:{what}")) from error
    logging.getLogger("huggingface_hub").setLevel(logging.CRITICAL)
    library_utilities().disable_progress_bars()
    return huggingface_hub


def _endpoint() -> str | None:
    return os.environ.get("HF_ENDPOINT") or None


@contextlib.contextmanager
def _told(what: str) -> Iterator[None]:
    """What the library raises as one sentence."""
    from huggingface_hub import errors  # optional, and slow to import

    try:
        yield
    except errors.GatedRepoError as error:
        raise ModelError(
            f"hf:{what} is given only to people who asked for it: accept its terms on its page at "
            "huggingface.co, then set HF_TOKEN to a token of your account."
        ) from error
    except errors.RepositoryNotFoundError as error:
        raise ModelError(
            f"Hugging Face has no model hf:{what}, or it is private: look at its name, or set "
            "HF_TOKEN to a token that may read it."
        ) from error
    except errors.EntryNotFoundError as error:
        if isinstance(error, errors.LocalEntryNotFoundError):
            raise _unreachable(what) from error
        raise ModelError(f"Hugging Face has no file hf:{what}; look at its name.") from error
    except errors.OfflineModeIsEnabled as error:
        raise ModelError(
            f"hf:{what} is not in the cache, and HF_HUB_OFFLINE forbids to download it."
        ) from error
    except errors.HfHubHTTPError as error:
        status = getattr(error.response, "status_code", None)
        raise ModelError(
            f"Hugging Face answered {status or 'with an error'} for hf:{what}; try again later."
        ) from error
    except _connection_errors() as error:
        is_of_network = isinstance(error, ConnectionError | TimeoutError)
        if isinstance(error, OSError) and error.errno and not is_of_network:
            raise ModelError(
                f"hf:{what} cannot be written to {plain(str(cache_folder()))}: {error.strerror}. "
                "HF_HOME names another folder."
            ) from error
        raise _unreachable(what) from error


def _connection_errors() -> tuple[type[Exception], ...]:
    """The system's, and those of whichever HTTP client the library came with."""
    clients = [getattr(sys.modules[name], error) for name, error in _CLIENTS if name in sys.modules]
    return (OSError, *clients)


def _unreachable(what: str) -> ModelError:
    return ModelError(
        f"hf:{what} could not be downloaded: the connection to Hugging Face failed or was cut off. "
        "Run the same command again: it goes on where it stopped."
    )

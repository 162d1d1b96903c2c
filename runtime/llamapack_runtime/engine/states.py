"""The states of llama.cpp's sequences, kept for later by the token prefix they belong to.

In memory, and those that shall outlive the process also in a folder. Conversations are private, so
only what the caller marks is ever written. Knows nothing of llama.cpp: a state is bytes.
"""

from __future__ import annotations

import itertools
import logging
import queue
import threading
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from llamapack_runtime.engine.state_file import Data, StateRange, data_in, digest, head_in
from llamapack_runtime.engine.state_folder import MAX_FILES, StateFolder
from llamapack_runtime.engine.types import Adapters

logger = logging.getLogger(__name__)

# How long `close` waits for the disk.
CLOSE_TIMEOUT_S = 2.0
_INTERRUPT_TIMEOUT_S = 0.2
_NO_DISK = "Prompt states are not kept on disk: %s."
_NOT_PACKED = "The prompt state in %s is not used, so the prompt is read again: %s."


@dataclass(frozen=True, slots=True)
class SavedState:
    """`key` is what `get` takes. The tier is where it would come from."""

    key: int
    tokens: tuple[int, ...]
    size_bytes: int
    tier: Literal["ram", "disk"]
    adapters: Adapters = ()


@dataclass(frozen=True, slots=True)
class Stored:
    """`key` None: it was not taken. The states of `dropped` keys are gone."""

    key: int | None
    dropped: tuple[int, ...] = ()


@dataclass(slots=True)
class _Entry:
    """`data` counts as memory; `unwritten` is what the writer has not yet finished with."""

    tokens: tuple[int, ...]
    adapters: Adapters
    size_bytes: int
    is_kept: bool = False
    data: Data | None = None
    unwritten: Data | None = None
    path: Path | None = None
    packed: StateRange | None = None

    @property
    def is_gone(self) -> bool:
        places = (self.data, self.unwritten, self.path, self.packed)
        return all(place is None for place in places)


class StateStore:
    """At most `ram_bytes` of memory (0: none) and `disk_bytes` in `folder`, which is made when it
    is first needed; the least recently used go first. A folder that cannot be used is logged once
    and does not matter otherwise. States in the folder are found again by a store with the same
    `fingerprint`: bytes that tell everything that they depend on besides their tokens. So is the
    one in `packed`, which is only read. All of them were computed with `adapters`, which the
    fingerprint covers: of others, states are kept in memory only. `token_bytes` of a state are a
    token, about.

    Used by one thread at a time. Whoever opens it closes it."""

    def __init__(
        self,
        *,
        ram_bytes: int,
        folder: Path | None,
        disk_bytes: int,
        fingerprint: bytes,
        token_bytes: int = 1,
        packed: StateRange | None = None,
        adapters: Adapters = (),
    ) -> None:
        self._token_bytes = token_bytes
        self._ram_bytes = ram_bytes
        self._ram_used = 0
        self._keys = itertools.count(1)
        self._entries: OrderedDict[int, _Entry] = OrderedDict()  # least recently used first
        self._key_of: dict[tuple[tuple[int, ...], Adapters], int] = {}
        self._adapters = adapters
        self._disk: StateFolder | None = None
        self._writer: _Writer | None = None
        self._fingerprint = digest(fingerprint)
        if folder is not None and disk_bytes > 0:
            self._open_folder(folder, disk_bytes)
        if packed is not None:
            self._open_packed(packed)

    @property
    def conversation_tokens(self) -> int:
        """For how many tokens of states that are not marked there is memory."""
        return self._ram_bytes // self._token_bytes

    @property
    def ram_used(self) -> int:
        """Bytes."""
        return self._ram_used

    @property
    def n_saved(self) -> int:
        return len(self._entries)

    def saved(self) -> tuple[SavedState, ...]:
        """All states, the least recently used first; after the start those in the folder, of which
        only the heads were read."""
        return tuple(
            SavedState(key, e.tokens, e.size_bytes, "disk" if e.data is None else "ram", e.adapters)
            for key, e in self._entries.items()
        )

    def put(
        self,
        tokens: tuple[int, ...],
        data: Data,
        adapters: Adapters = (),
        *,
        keep: bool = False,
    ) -> Stored:
        """Keep the state of `tokens` instead of one with the same tokens and adapters, whose key
        stays; one beyond the bounds is refused and changes nothing. `data` becomes the store's: the
        caller must not change it any more. With `keep` it is dropped after all others, and written
        to the folder soon, unless it is there already."""
        self._note_written()
        size = memoryview(data).nbytes
        goes_to_ram = size <= self._ram_bytes
        is_lasting = keep and adapters == self._adapters
        goes_to_disk = is_lasting and self._disk is not None and self._disk.can_hold(tokens, data)
        if not goes_to_ram and not goes_to_disk:
            return Stored(None)
        key, entry = self._entry_of(tokens, adapters, size)
        entry.is_kept |= keep
        entry.packed = None
        dropped: tuple[int, ...] = ()
        if goes_to_ram:
            self._take_out_of_ram(entry)
            dropped = tuple(self._make_room(size))
            self._take_into_ram(entry, data)
        if goes_to_disk:
            self._write(key, entry, data)
        if entry.is_gone:  # the writer is too far behind
            self._forget(key)
            return Stored(None, dropped)
        return Stored(key, dropped)

    def get(self, key: int) -> Data | None:
        """The data as it was put, or a bytearray that was read from the folder; it must not be
        changed. None when it is damaged or gone, and then the key is forgotten."""
        self._note_written()
        entry = self._entries.get(key)
        if entry is None:
            return None
        self._entries.move_to_end(key)
        data = entry.data if entry.data is not None else entry.unwritten
        if data is None:
            data = self._load(entry)
        if data is None:
            self._forget(key)
        return data

    def close(self) -> None:
        """Wait for what is being written, at most CLOSE_TIMEOUT_S. May be called twice."""
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.close()
        self._entries.clear()
        self._key_of.clear()

    def _open_folder(self, folder: Path, disk_bytes: int) -> None:
        try:
            self._disk = StateFolder(folder, max_bytes=disk_bytes, fingerprint=self._fingerprint)
            found = list(self._disk.heads())
        except OSError as error:
            logger.warning(_NO_DISK, error)
            self._disk = None
            return
        for path, head in reversed(found):
            if (head.tokens, self._adapters) not in self._key_of:
                _, entry = self._entry_of(head.tokens, self._adapters, head.data_bytes)
                entry.path, entry.is_kept = path, True

    def _open_packed(self, packed: StateRange) -> None:
        head = head_in(packed)
        if head is None:
            logger.warning(_NOT_PACKED, packed.path.name, "it is damaged")
        elif head.fingerprint != self._fingerprint:
            reason = "it was made for another model, engine or cache type"
            logger.warning(_NOT_PACKED, packed.path.name, reason)
        else:
            _, entry = self._entry_of(head.tokens, self._adapters, head.data_bytes)
            entry.packed, entry.is_kept = packed, True

    def _entry_of(
        self, tokens: tuple[int, ...], adapters: Adapters, size_bytes: int
    ) -> tuple[int, _Entry]:
        """The entry for these tokens, a new one if need be, as the most recently used."""
        key = self._key_of.get((tokens, adapters))
        if key is None:
            key = self._key_of[tokens, adapters] = next(self._keys)
            self._entries[key] = _Entry(tokens, adapters, size_bytes)
        self._entries.move_to_end(key)
        return key, self._entries[key]

    def _make_room(self, size_bytes: int) -> Iterator[int]:
        """Give up memory until `size_bytes` are free; yields the keys that are gone with it."""
        while self._ram_used + size_bytes > self._ram_bytes:
            in_ram = [key for key, entry in self._entries.items() if entry.data is not None]
            unkept = (key for key in in_ram if not self._entries[key].is_kept)
            key = next(unkept, in_ram[0])
            self._take_out_of_ram(self._entries[key])
            if self._entries[key].is_gone:
                self._forget(key)
                yield key

    def _take_into_ram(self, entry: _Entry, data: Data) -> None:
        entry.data, entry.size_bytes = data, memoryview(data).nbytes
        self._ram_used += entry.size_bytes

    def _take_out_of_ram(self, entry: _Entry) -> None:
        if entry.data is not None:
            self._ram_used -= entry.size_bytes
            entry.data = None

    def _forget(self, key: int) -> None:
        entry = self._entries.pop(key)
        self._take_out_of_ram(entry)
        del self._key_of[entry.tokens, entry.adapters]

    def _load(self, entry: _Entry) -> Data | None:
        """From the folder or the pack, and into memory if there is room left."""
        loaded = self._load_file(entry)
        if loaded is None and entry.packed is not None:
            loaded = data_in(entry.packed, self._fingerprint, entry.tokens)
        if loaded is not None and self._ram_used + len(loaded) <= self._ram_bytes:
            self._take_into_ram(entry, loaded)
        return loaded

    def _load_file(self, entry: _Entry) -> bytearray | None:
        if self._disk is None or entry.path is None:
            return None
        loaded = self._disk.load(entry.path, entry.tokens)
        if loaded is not None:
            self._disk.touch(entry.path)
        return loaded

    def _write(self, key: int, entry: _Entry, data: Data) -> None:
        assert self._disk is not None, "without a folder nothing is written"
        if entry.unwritten is not None:
            return
        if entry.path is not None and self._disk.touch(entry.path):
            return
        entry.path = None
        n_unwritten = sum(other.unwritten is not None for other in self._entries.values())
        if n_unwritten < MAX_FILES:
            self._writer = self._writer or _Writer(self._disk)
            entry.unwritten = data
            self._writer.save(_Save(key, entry.tokens, data))

    def _note_written(self) -> None:
        """What the writer has finished since the last call."""
        for key, path in self._writer.results() if self._writer is not None else ():
            entry = self._entries[key]
            entry.unwritten, entry.path = None, path
            if entry.is_gone:
                self._forget(key)


@dataclass(frozen=True, slots=True)
class _Save:
    key: int
    tokens: tuple[int, ...]
    data: Data


class _Writer:
    """A thread that saves one state after another, so that nobody waits for the disk. After a
    failure it saves no more."""

    def __init__(self, folder: StateFolder) -> None:
        self._folder = folder
        self._inbox: queue.SimpleQueue[_Save | None] = queue.SimpleQueue()
        self._outbox: queue.SimpleQueue[tuple[int, Path | None]] = queue.SimpleQueue()
        self._is_late = threading.Event()
        self._thread = threading.Thread(target=self._run, name="state-writer", daemon=True)
        self._thread.start()

    def save(self, wanted: _Save) -> None:
        self._inbox.put(wanted)

    def results(self) -> Iterator[tuple[int, Path | None]]:
        """Keys and files of what has been dealt with; no file where it could not be saved."""
        while not self._outbox.empty():
            yield self._outbox.get()

    def close(self) -> None:
        """Finish what is there, or give it up without a trace when it takes too long."""
        self._inbox.put(None)
        self._thread.join(CLOSE_TIMEOUT_S)
        self._is_late.set()
        self._thread.join(_INTERRUPT_TIMEOUT_S)

    def _run(self) -> None:
        save = self._folder.save
        for wanted in self._until_closed():
            try:
                path = save(wanted.tokens, wanted.data, self._is_late.is_set)
            except Exception as error:  # noqa: BLE001 - a cache that fails must fail nothing else
                self._outbox.put((wanted.key, None))
                logger.warning(_NO_DISK, error)
                self._refuse_all()
                return
            self._outbox.put((wanted.key, path))

    def _refuse_all(self) -> None:
        for wanted in self._until_closed():
            self._outbox.put((wanted.key, None))

    def _until_closed(self) -> Iterator[_Save]:
        while (wanted := self._inbox.get()) is not None:
            yield wanted

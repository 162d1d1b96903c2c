"""Why chats cannot be kept, found or changed.

StoreError             the file cannot be used; the sentence says why and what helps
├── StoreBusy          another process holds the file for too long
├── StoreDamaged       the file is damaged; it is set aside when the store is opened again
│   └── IndexDamaged   only the full-text index is; the store makes a new one
├── StoreFull          the disk is full
├── StoreNewer         the file was written by a newer version of this program
├── NotFound           there is no such chat, message or file, or no longer
├── InUse              a message has the file that shall be deleted
└── NotStorable        what shall be stored breaks a bound or a rule
"""

from __future__ import annotations


class StoreError(Exception):
    """The message is whole sentences. `status` is the HTTP status that describes it best."""

    status = 500
    code = "storage_error"


class StoreBusy(StoreError):  # noqa: N818 - names what is wrong
    status = 503
    code = "storage_busy"


class StoreDamaged(StoreError):  # noqa: N818 - names what is wrong
    code = "storage_damaged"


class IndexDamaged(StoreDamaged):
    pass


class StoreFull(StoreError):  # noqa: N818 - names what is wrong
    status = 507
    code = "storage_full"


class StoreNewer(StoreError):  # noqa: N818 - names what is wrong
    code = "storage_newer"


class NotFound(StoreError):  # noqa: N818 - names what is wrong
    status = 404
    code = "not_found"


class InUse(StoreError):  # noqa: N818 - names what is wrong
    status = 409
    code = "conflict"


class NotStorable(StoreError):  # noqa: N818 - names what is wrong
    status = 400
    code = "invalid_request"

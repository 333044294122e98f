"""Files, local or of a bucket: globs, bytes, folders that appear whole or not at all, manifests.

- `listing.py`, `reading.py`: globs to files, files to bytes; `buckets/`: objects of buckets
- `creating.py`, `folders.py`: files and folders that appear whole, or not at all
- `many.py`: more files than may be open at a time; `positioned.py`: read from a position
- `staging.py`, `locking.py`, `owner.py`: where they are written meanwhile, and by whom
- `termination.py`: commands that are told to end clean up first
- `manifest.py`: what is in a folder of shards
"""

from sampling.files.creating import (
    check_new,
    create,
    exists,
    move,
    remove,
    replace,
    replace_all,
    whole,
)
from sampling.files.folders import check_place, folder
from sampling.files.listing import File, Globs, checked, list_files, stat
from sampling.files.locking import lock
from sampling.files.many import OpenFiles
from sampling.files.positioned import Positioned
from sampling.files.reading import (
    IN_FLIGHT,
    REMOTE_CACHE,
    HeldOpen,
    ServiceError,
    ahead,
    check_writable,
    is_local,
    open_binary,
    read_range,
    read_text,
    telling,
)
from sampling.files.staging import staged
from sampling.files.termination import cleaning_up

__all__ = [
    "IN_FLIGHT",
    "REMOTE_CACHE",
    "File",
    "Globs",
    "HeldOpen",
    "OpenFiles",
    "Positioned",
    "ServiceError",
    "ahead",
    "check_new",
    "check_place",
    "check_writable",
    "checked",
    "cleaning_up",
    "create",
    "exists",
    "folder",
    "is_local",
    "list_files",
    "lock",
    "move",
    "open_binary",
    "read_range",
    "read_text",
    "remove",
    "replace",
    "replace_all",
    "staged",
    "stat",
    "telling",
    "whole",
]

"""Files, local or of a bucket: globs, bytes, folders that appear whole or not at all, manifests."""

from sampling.files.creating import create, move, remove, replace
from sampling.files.folders import folder
from sampling.files.listing import File, Globs, list_files, stat
from sampling.files.reading import (
    REMOTE_CACHE,
    HeldOpen,
    ahead,
    is_local,
    open_binary,
    read_range,
    read_text,
    telling,
)

__all__ = [
    "REMOTE_CACHE",
    "File",
    "Globs",
    "HeldOpen",
    "ahead",
    "create",
    "folder",
    "is_local",
    "list_files",
    "move",
    "open_binary",
    "read_range",
    "read_text",
    "remove",
    "replace",
    "stat",
    "telling",
]

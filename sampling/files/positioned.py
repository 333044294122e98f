"""A file of known size that is read from a position, whatever its bytes come from."""

from __future__ import annotations

import io


class Positioned(io.RawIOBase):
    """Keeps the position; subclasses say by `read` what is there, and move `_position`.

    Args:
        size: of the file, in bytes.
    """

    def __init__(self, size: int):
        self._size, self._position = size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        begin = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = begin + offset
        return self._position

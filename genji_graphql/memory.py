"""What the process keeps of the memory that it frees.

An answer of a megabyte is put together in a few large pieces, which glibc gives back to the system as soon as they are
free; then the next answer has each page of them mapped and cleared anew, which takes as long as to write it.
"""

import ctypes
import platform

_TRIM_THRESHOLD = -1
_MMAP_THRESHOLD = -3
"""Parameters of mallopt(3), as malloc.h numbers them."""

_KEPT = 16 * 2**20
"""Bytes at the end of the heap that are kept for the next answers."""


def keep_what_is_freed() -> None:
    """Let glibc keep large pieces of memory for the next ones. Elsewhere there is nothing to tell."""
    if platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL(None)
        libc.mallopt(_MMAP_THRESHOLD, _KEPT)
        libc.mallopt(_TRIM_THRESHOLD, 2 * _KEPT)

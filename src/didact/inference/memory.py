"""Memory that was freed, given back to the machine.

What a model leaves behind stays with the process: C's allocator keeps freed pieces of its heap, and
torch those of the GPU. A run loads one model after another, and would hold the peaks of all.
"""

from __future__ import annotations

import ctypes
import gc
import sys

__all__ = ["give_back"]


def give_back() -> None:
    """Collects what nothing refers to, and gives it back; milliseconds."""
    gc.collect()
    if "torch" in sys.modules:
        import torch

        if torch.cuda.is_available():
            torch.cuda.empty_cache()
    if sys.platform == "linux":
        # Only glibc has it, and only glibc needs it.
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)

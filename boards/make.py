"""What the tools make of a design, once: then it comes from the cache."""

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path

from pmgd.boards.cache import BuildCache
from pmgd.boards.design import Design
from pmgd.boards.implement import ROUTING_ROUNDS, SEEDS, implement
from pmgd.boards.tools import Tool
from pmgd.gateware.cache_folder import cache_folder

__all__ = ["make"]


def make(
    design: Design, tools: Mapping[str, Tool], cache: Path | None, progress: Callable[[str], None]
) -> tuple[dict[str, bytes], bool]:
    """Return what `pmgd.boards.implement.implement` returns, and whether it was made earlier.

    Parameters
    ----------
    design, tools
        The design, and its tools by name.
    cache
        Folder of what was made earlier; by default that of `pmgd.gateware.cache_folder`.
    progress
        Called with the name of each stage when it begins; not at all if all comes from the cache.

    Raises
    ------
    ToolError
        If a stage fails, or the cache cannot be written.
    """
    store = BuildCache(cache or cache_folder())
    key = _key(design, tools)
    products = store.get(key)
    if products is not None:
        return products, True
    with store.scratch() as folder:
        products = implement(design, tools, Path(folder), progress)
    store.put(key, products)
    return products, False


def _key(design: Design, tools: Mapping[str, Tool]) -> str:
    """Return a hash of all that the products depend on."""
    content = hashlib.sha256(f"{ROUTING_ROUNDS} {SEEDS}".encode())
    versions = {name: tool.version.encode() for name, tool in tools.items()}
    for name, part in sorted({**design.files, **versions}.items()):
        content.update(f"{name}\0{len(part)}\0".encode() + part)
    return content.hexdigest()[:32]

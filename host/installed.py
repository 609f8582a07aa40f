"""What is said where a package of an extra is missing."""

from collections.abc import Iterator
from contextlib import contextmanager

from pmgd.gateware.errors import ToolError

__all__ = ["installed"]


@contextmanager
def installed(what: str, extra: str) -> Iterator[None]:
    """Turn the import of a package that is not installed into an error with a remedy.

    Parameters
    ----------
    what
        What needs the package, as the beginning of a sentence.
    extra
        The extra that brings it.

    Raises
    ------
    ToolError
        If a package other than our own is missing.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("pmgd"):
            raise
        package = error.name.partition(".")[0]
        raise ToolError(
            f"{what} needs the package {package}, which is not installed; install it with: "
            f"pip install 'pmgd[{extra}]'"
        ) from error

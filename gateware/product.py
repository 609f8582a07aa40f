"""A product that does not take a multiplier where there are few."""

from amaranth.hdl import Mux

from pmgd.gateware.cell_limits import ADDED_FACTOR_BITS
from pmgd.gateware.primitives import family

__all__ = ["product"]


def product(platform, a, b):
    """Return ``a * b``; on an iCE40, which has few multipliers, by adders if `b` has few bits.

    Parameters
    ----------
    platform
        What `elaborate` is given.
    a, b
        The factors; b is not negative.
    """
    if family(platform) != "ice40" or len(b) > ADDED_FACTOR_BITS:
        return a * b
    return sum(Mux(bit, a << k, 0) for k, bit in enumerate(b))

"""Registers that are copies on purpose."""

from amaranth.hdl import Signal

from pmgd.gateware.attributes import REPLICA

__all__ = ["replica"]


def replica(shape, name: str, **options) -> Signal:
    """Return a register of which there are others with the same input.

    Each stands close to what it drives; merged, as synthesis would have it, they would be one that
    drives all from afar. `pmgd.boards` builds keep registers with this attribute.

    Parameters
    ----------
    shape, name
        As for `Signal`.
    options
        Others of `Signal`.
    """
    return Signal(shape, name=name, attrs={REPLICA: "yes"}, **options)

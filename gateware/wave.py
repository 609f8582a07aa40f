"""The control that travels with an evaluation through the datapath."""

from amaranth.hdl import Module, Signal, unsigned
from amaranth.lib import data

__all__ = ["WaveLayout", "delay"]

WaveLayout = data.StructLayout(
    {"valid": unsigned(1), "perturb": unsigned(1), "opposite": unsigned(1), "baseline": unsigned(1)}
)
"""One cycle's worth: an evaluation starts or arrives here (`valid`).

It is made with the perturbation (`perturb`) or without; with `opposite` as well, with that of the
opposite sign. Its cost is a baseline (`baseline`) or the cost whose change is wanted.
"""


def delay(m: Module, value, cycles: int, name: str):
    """Return a value as it was a number of cycles ago.

    Parameters
    ----------
    m
        Where to put the registers.
    value
        What to delay.
    cycles
        By how many cycles; 0 returns `value` itself.
    name
        Of the registers.
    """
    for i in range(cycles):
        register = Signal.like(value, name=f"{name}_{i + 1}")
        m.d.sync += register.eq(value)
        value = register
    return value

"""Correlator 110c: the sign of a parameter's error signal."""

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["Correlator"]


class Correlator(wiring.Component):
    """Multiplies the broadcast step by the parameter's own perturbation ([0048]).

    The perturbation is plus or minus one amplitude (or none, where the updater does not take the
    error signal), and 1/dtheta is part of the broadcast step, so
    the product e = u * s keeps the step's magnitude; its sign is an XNOR. Combinational.

    Members
    -------
    positive
        Sign of the perturbation: 1 for +dtheta.
    negative
        Sign of the step: 1 for a step below zero.
    error_positive
        Sign of the error signal: 1 if the cost and the parameter moved the same way.
    """

    positive: In(1)
    negative: In(1)
    error_positive: Out(1)

    def elaborate(self, platform):
        m = Module()
        step_positive = ~self.negative
        m.d.comb += self.error_positive.eq(~(self.positive ^ step_positive))
        return m

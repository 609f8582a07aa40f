"""What a fabric shows of each timestep, for simulations to record; a board leaves it open."""

from amaranth.hdl import signed, unsigned
from amaranth.lib import wiring
from amaranth.lib.wiring import Out

from pmgd.gateware.plan import Plan

__all__ = ["TraceSignature"]


class TraceSignature(wiring.Signature):
    """One record a timestep; see `pmgd.gateware.device.StepTrace`.

    Members
    -------
    valid
        High for the one cycle in which the other members describe a finished timestep.
    cost, baseline
        C, and C0 as the timestep leaves it: with a running mean, which has further fraction bits,
        the one that C has moved.
    step, parameters
        The broadcast step u, and every theta after the timestep, W bits each, parameter 0 in the
        low bits.
    """

    def __init__(self, plan: Plan) -> None:
        super().__init__(
            {
                "valid": Out(1),
                "cost": Out(unsigned(plan.cost_bits)),
                "baseline": Out(unsigned(plan.baseline_bits)),
                "step": Out(signed(plan.step_bits + 1)),
                "parameters": Out(unsigned(plan.parameters * plan.theta.bits)),
            }
        )

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
        For one cycle: cost, baseline and step are those of the next timestep.
    cost, baseline
        C, and C0 as the timestep leaves it: with a running mean, which has further fraction bits,
        the one that C has moved.
    step
        The broadcast step u.
    parameters, used
        Every theta, W bits each, parameter 0 in the low bits. For one cycle, a bit for each layer:
        those of the layer are those of the next timestep. In a pipelined fabric that is when the
        timestep uses them, a layer after the other; else after the timestep, with `valid`.
    """

    def __init__(self, plan: Plan) -> None:
        super().__init__(
            {
                "valid": Out(1),
                "cost": Out(unsigned(plan.measured_bits)),
                "baseline": Out(unsigned(plan.baseline_bits)),
                "step": Out(signed(plan.step_bits + 1)),
                "used": Out(unsigned(len(plan.layers))),
                "parameters": Out(unsigned(plan.parameters * plan.theta.bits)),
            }
        )

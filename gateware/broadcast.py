"""What every synapse hears, and the ring through which its state is loaded and read."""

from typing import Self

from amaranth.hdl import unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from pmgd.gateware.plan import Plan

__all__ = ["BroadcastLayout", "ScanSignature", "StepLayout"]


class StepLayout(data.StructLayout):
    """The broadcast step u, in a parameter's last bits, as sign and magnitude.

    Parameters
    ----------
    step_bits
        Width of the magnitude.

    Fields
    ------
    magnitude, negative
        Of the step.
    nonzero
        For a sign-only correlator, whose magnitude is always that of an update: whether there is a
        step at all.
    """

    def __init__(self, step_bits: int) -> None:
        super().__init__(
            {"magnitude": unsigned(step_bits), "negative": unsigned(1), "nonzero": unsigned(1)}
        )


class BroadcastLayout(data.StructLayout):
    """The same for every synapse of the fabric: all that it learns of the rest ([0045]).

    Parameters
    ----------
    dtheta_bits, step_bits, code_bits
        Widths of the amplitude, of the step's magnitude, and of what the perturbers share.
    level_bits, dither_bits
        Widths of the number of a level, and of what rounds a leak.

    Fields
    ------
    advance
        For one cycle: change to the next perturbation.
    code
        What the perturbers share; see `pmgd.gateware.code_generator.CodeGenerator`.
    dtheta
        Amplitude of the perturbation; constant while running. With levels, that of `level`, in a
        multiplier's last bits, while `load` is high.
    load
        For one cycle: `dtheta` is that of `level`. There is none without levels.
    level
        Of the amplitude or of the step: only perturbations of this level take it.
    apply
        For one cycle: `step` is this timestep's; accumulate it.
    update
        With `apply`: the window of tau_theta timesteps ends; update the parameter.
    step
        The scaled cost change, see `StepLayout`.
    dither
        With `apply`: what is added to G below what leaks from it, to round it.
    """

    def __init__(
        self,
        dtheta_bits: int,
        step_bits: int,
        code_bits: int = 0,
        level_bits: int = 0,
        dither_bits: int = 0,
    ) -> None:
        super().__init__(
            {
                "advance": unsigned(1),
                "code": unsigned(code_bits),
                "dtheta": unsigned(dtheta_bits),
                "load": unsigned(1 if level_bits else 0),
                "level": unsigned(level_bits),
                "apply": unsigned(1),
                "update": unsigned(1),
                "step": StepLayout(step_bits),
                "dither": unsigned(dither_bits),
            }
        )

    @classmethod
    def of(cls, plan: Plan) -> Self:
        """Return the layout of a plan's fabric, which is not pipelined."""
        return cls(
            plan.broadcast_dtheta_bits,
            plan.step_bits,
            plan.code_bits,
            plan.level_bits,
            plan.dither_bits,
        )


class ScanSignature(wiring.Signature):
    """One station of the scan ring.

    Members
    -------
    shift
        Move every bit of state one place towards `output`, and take in `input`.
    input, output
        The bit that enters, and the one that leaves with the next shift.
    """

    def __init__(self) -> None:
        super().__init__({"shift": Out(1), "input": Out(1), "output": In(1)})

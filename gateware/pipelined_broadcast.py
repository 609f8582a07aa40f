"""What every synapse of a pipelined fabric hears."""

from amaranth.hdl import signed, unsigned
from amaranth.lib import data

__all__ = ["LateLayout", "PipelinedBroadcastLayout"]


class LateLayout(data.StructLayout):
    """A late update: the step of the timestep D before the one whose evaluation it leads.

    Parameters
    ----------
    step_bits
        Width of the step, signed.

    Fields
    ------
    advance
        The timestep began a perturbation: change the update perturbers to it first.
    ends
        It ended a window of tau_theta timesteps.
    step
        Its step u; it means nothing unless `applies`.
    applies
        There is an update.
    """

    def __init__(self, step_bits: int) -> None:
        super().__init__(
            {
                "advance": unsigned(1),
                "ends": unsigned(1),
                "applies": unsigned(1),
                "step": signed(step_bits),
            }
        )


class PipelinedBroadcastLayout(data.StructLayout):
    """What reaches a layer in front of an evaluation, each in its cycle after the control's.

    Parameters
    ----------
    step_bits, code_bits
        Widths of the step, and of the column of the Walsh code.

    Fields
    ------
    late
        See `LateLayout`; in the cycle of the control.
    late_code
        The column for late updates; one cycle later.
    advance
        Change to the next perturbation; one cycle later.
    code
        The column for evaluations; two cycles later.
    """

    def __init__(self, step_bits: int, code_bits: int = 0) -> None:
        super().__init__(
            {
                "late": LateLayout(step_bits),
                "late_code": unsigned(code_bits),
                "advance": unsigned(1),
                "code": unsigned(code_bits),
            }
        )

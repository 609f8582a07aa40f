"""The transmitter of a plan."""

from pmgd.gateware.layout import MANTISSA_BITS, SHIFT_BITS
from pmgd.gateware.plan import Plan
from pmgd.gateware.sign_transmitter import SignTransmitter
from pmgd.gateware.transmitter import Transmitter

__all__ = ["make_transmitter"]


def make_transmitter(plan: Plan) -> Transmitter | SignTransmitter:
    """Return a `SignTransmitter` where `Fabric.correlator` says so, else a `Transmitter`."""
    if plan.spec.fabric.correlator == "sign":
        return SignTransmitter(change_bits=plan.change_bits, step_bits=plan.step_bits)
    return Transmitter(
        change_bits=plan.change_bits,
        mantissa_bits=MANTISSA_BITS,
        shift_bits=SHIFT_BITS,
        step_bits=plan.step_bits,
        stochastic=plan.stochastic,
    )

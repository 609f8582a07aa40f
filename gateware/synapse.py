"""One parameter's circuit, as the patent's Fig. 2 draws it."""

from operator import index

from amaranth.hdl import Module, Mux, Shape, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from pmgd.gateware.add_sub import AddSub
from pmgd.gateware.broadcast import BroadcastLayout, ScanSignature
from pmgd.gateware.correlator import Correlator
from pmgd.gateware.perturber import Perturber
from pmgd.gateware.updater import Updater

__all__ = ["Synapse"]


class Synapse(wiring.Component):
    """A weight that trains itself: synaptic circuit 102b with its optimizer 110 (Fig. 2).

    ::

                        +------------------- optimizer 110 -------------------+
        broadcast ----->| receiver --> correlator ----> updater               |
        (cost change)   |                  ^ XNOR          | G, theta         |
                        |              perturber           |                  |
                        +------------------|---------------|------------------+
                                           v +-dtheta      v
        perturb ------------------------> (+) <------------+
                                           |  operand
        x ------------------------------> (x) -------------------> product

    Two things reach a synapse: its input x, and a broadcast that is the same for all. It needs no
    gradient, no target, and no knowledge of the network around it ([0038]-[0052]).

    Latency: `product` follows `perturb` by two cycles and `x` by one
    (`pmgd.gateware.latency.SYNAPSE_CYCLES`); a new pair may enter every cycle.

    Parameters
    ----------
    theta_bits, gradient_bits, step_bits, dtheta_bits, lfsr_bits
        Widths; see `Plan`.
    operand_shift, operand_bits
        Low bits of the perturbed parameter that the multiplier does not see (floor), and the width
        of what it sees, which holds every value.
    input_shape
        Shape of x.
    product_bits
        Width of the product, which holds every value.
    overflow
        Of an updated parameter; see `Updater`.

    Members
    -------
    broadcast
        See `BroadcastLayout`.
    perturb
        Evaluate with the perturbation (1) or without it (0).
    x
        The input, one cycle after `perturb`.
    product
        The perturbed parameter times x.
    theta
        The parameter.
    scan
        Access to theta (first out), G and the perturber's state.
    """

    def __init__(
        self,
        *,
        theta_bits: int,
        gradient_bits: int,
        step_bits: int,
        dtheta_bits: int,
        lfsr_bits: int,
        operand_shift: int,
        operand_bits: int,
        input_shape: Shape,
        product_bits: int,
        overflow: str,
    ) -> None:
        self._lfsr_bits = index(lfsr_bits)
        self._operand_shift = index(operand_shift)
        self._operand_bits = index(operand_bits)
        self._updater = Updater(
            theta_bits=theta_bits,
            gradient_bits=gradient_bits,
            step_bits=step_bits,
            overflow=overflow,
        )
        super().__init__(
            {
                "broadcast": In(BroadcastLayout(dtheta_bits, step_bits)),
                "perturb": In(1),
                "x": In(input_shape),
                "product": Out(signed(product_bits)),
                "theta": Out(signed(theta_bits)),
                "scan": In(ScanSignature()),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.perturber = perturber = Perturber(self._lfsr_bits)
        m.submodules.correlator = correlator = Correlator()
        m.submodules.updater = updater = self._updater

        # The perturbed parameter modulates the input.
        m.submodules.perturbation = perturbation = AddSub(
            max(len(self.theta), len(self.broadcast.dtheta) + 1) + 1
        )
        m.d.comb += [
            perturbation.a.eq(self.theta),
            perturbation.b.eq(Mux(self.perturb, self.broadcast.dtheta, 0)),
            perturbation.subtract.eq(~perturber.positive),
        ]
        operand = Signal(signed(self._operand_bits))
        m.d.sync += operand.eq(perturbation.result >> self._operand_shift)
        binary = len(self.x) == 1 and not self.x.shape().signed
        modulated = Mux(self.x, operand, 0) if binary else operand * self.x
        m.d.sync += self.product.eq(modulated)

        # The cost change that the perturbations caused comes back, the same to every synapse.
        m.d.comb += [
            perturber.advance.eq(self.broadcast.advance),
            correlator.positive.eq(perturber.positive),
            correlator.negative.eq(self.broadcast.step.negative),
            updater.apply.eq(self.broadcast.apply),
            updater.update.eq(self.broadcast.update),
            updater.magnitude.eq(self.broadcast.step.magnitude),
            updater.error_positive.eq(correlator.error_positive),
            self.theta.eq(updater.theta),
        ]

        # The host's way in and out: in through the perturber, out of the updater.
        m.d.comb += [
            perturber.scan.shift.eq(self.scan.shift),
            perturber.scan.input.eq(self.scan.input),
            updater.scan.shift.eq(self.scan.shift),
            updater.scan.input.eq(perturber.scan.output),
            self.scan.output.eq(updater.scan.output),
        ]
        return m

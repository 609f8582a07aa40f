"""One parameter's circuit, as the patent's Fig. 2 draws it."""

from operator import index

from amaranth.hdl import Module, Mux, Shape, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from pmgd.gateware.add_sub import AddSub
from pmgd.gateware.broadcast import BroadcastLayout, ScanSignature
from pmgd.gateware.correlator import Correlator
from pmgd.gateware.perturber import make_perturber
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
    gradient, no target, and no knowledge of the network around it ([0038]-[0052]); only a code
    that moves from parameter to parameter needs a wire from `neighbour`.

    Latency: `product` follows `perturb` by two cycles and `x` by one
    (`pmgd.gateware.latency.SYNAPSE_CYCLES`); a new pair may enter every cycle.

    Parameters
    ----------
    theta_bits, gradient_bits, step_bits, dtheta_bits, lfsr_bits, code_bits
        Widths; see `Plan`.
    perturbation, correlator, decay_shift
        See `pmgd.gateware.spec.Fabric`.
    parameter
        Index of the parameter in the network.
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
    neighbour, own
        Bits of the perturbation; see `PerturberSignature`.
    perturb, opposite
        Evaluate with the perturbation (1) or without it (0); with that of the opposite sign.
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
        operand_shift: int,
        operand_bits: int,
        input_shape: Shape,
        product_bits: int,
        overflow: str,
        perturbation: str = "lfsr",
        lfsr_bits: int = 0,
        code_bits: int = 0,
        parameter: int = 0,
        correlator: str = "full",
        decay_shift: int = 0,
    ) -> None:
        self._operand_shift = index(operand_shift)
        self._operand_bits = index(operand_bits)
        self._counts = correlator == "sign"
        self._perturber = make_perturber(
            perturbation, lfsr_bits=lfsr_bits, code_bits=code_bits, parameter=parameter
        )
        self._updater = Updater(
            theta_bits=theta_bits,
            gradient_bits=gradient_bits,
            step_bits=step_bits,
            overflow=overflow,
            correlator=correlator,
            decay_shift=decay_shift,
        )
        super().__init__(
            {
                "broadcast": In(BroadcastLayout(dtheta_bits, step_bits, code_bits)),
                "neighbour": In(1),
                "own": Out(1),
                "perturb": In(1),
                "opposite": In(1),
                "x": In(input_shape),
                "product": Out(signed(product_bits)),
                "theta": Out(signed(theta_bits)),
                "scan": In(ScanSignature()),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.perturber = perturber = self._perturber
        m.submodules.correlator = correlator = Correlator()
        m.submodules.updater = updater = self._updater

        # The perturbed parameter modulates the input.
        m.submodules.perturbation = perturbation = AddSub(
            max(len(self.theta), len(self.broadcast.dtheta) + 1) + 1
        )
        perturbed = self.perturb & perturber.active
        m.d.comb += [
            perturbation.a.eq(self.theta),
            perturbation.b.eq(Mux(perturbed, self.broadcast.dtheta, 0)),
            perturbation.subtract.eq(~(perturber.positive ^ self.opposite)),
        ]
        operand = Signal(signed(self._operand_bits))
        m.d.sync += operand.eq(perturbation.result >> self._operand_shift)
        binary = len(self.x) == 1 and not self.x.shape().signed
        modulated = Mux(self.x, operand, 0) if binary else operand * self.x
        m.d.sync += self.product.eq(modulated)

        # The cost change that the perturbations caused comes back, the same to every synapse.
        step = self.broadcast.step
        m.d.comb += [
            perturber.advance.eq(self.broadcast.advance),
            perturber.code.eq(self.broadcast.code),
            perturber.neighbour.eq(self.neighbour),
            self.own.eq(perturber.own),
            correlator.positive.eq(perturber.positive),
            correlator.negative.eq(step.negative),
            updater.apply.eq(self.broadcast.apply),
            updater.update.eq(self.broadcast.update),
            # A full step of zero has a magnitude of 0.
            updater.active.eq(perturber.active & (step.nonzero if self._counts else 1)),
            updater.magnitude.eq(step.magnitude),
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

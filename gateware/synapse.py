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
    theta_bits, gradient_bits, step_bits, dtheta_bits, code_bits, level_bits, dither_bits
        Widths; see `Plan`.
    perturbation, correlator, decay_shift, update_noise
        See `pmgd.gateware.spec.Fabric`.
    perturber_bits
        Width of an LFSR, or of an oscillator's phase.
    leaky
        G decays in every timestep.
    parameter, increment
        Index of the parameter in the network, and of its oscillator.
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
    turn, turned
        The broadcast step is noise for this parameter; that for the next one, a cycle later.
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
        perturber_bits: int = 0,
        code_bits: int = 0,
        level_bits: int = 0,
        dither_bits: int = 0,
        parameter: int = 0,
        increment: int = 0,
        correlator: str = "full",
        decay_shift: int = 0,
        leaky: bool = False,
        update_noise: str = "none",
    ) -> None:
        self._operand_shift = index(operand_shift)
        self._operand_bits = index(operand_bits)
        self._counts = correlator == "sign"
        self._update_noise = update_noise
        self._perturber = make_perturber(
            perturbation,
            bits=perturber_bits,
            code_bits=code_bits,
            parameter=parameter,
            increment=increment,
        )
        self._updater = Updater(
            theta_bits=theta_bits,
            gradient_bits=gradient_bits,
            step_bits=step_bits,
            overflow=overflow,
            correlator=correlator,
            decay_shift=decay_shift,
            leaky=leaky,
            dithered=dither_bits > 0,
            noisy=update_noise != "none",
        )
        super().__init__(
            {
                "broadcast": In(
                    BroadcastLayout(dtheta_bits, step_bits, code_bits, level_bits, dither_bits)
                ),
                "neighbour": In(1),
                "own": Out(1),
                "perturb": In(1),
                "opposite": In(1),
                "x": In(input_shape),
                "turn": In(1),
                "turned": Out(1),
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

        # Of several levels this one's has its turn in the broadcast.
        levels = len(self.broadcast.level)
        mine = perturber.level == self.broadcast.level if levels else 1
        operand = self._operand(m, mine)
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
            updater.apply.eq(self.broadcast.apply & (1 if self._counts else mine)),
            updater.update.eq(self.broadcast.update),
            # A full step of zero has a magnitude of 0.
            updater.active.eq(perturber.active & (step.nonzero if self._counts else 1)),
            updater.dither.eq(self.broadcast.dither),
            updater.magnitude.eq(step.magnitude),
            updater.error_positive.eq(correlator.error_positive),
            self.theta.eq(updater.theta),
        ]

        if self._update_noise != "none":
            self._take_noise(m)

        # The host's way in and out: in through the perturber, out of the updater.
        m.d.comb += [
            perturber.scan.shift.eq(self.scan.shift),
            perturber.scan.input.eq(self.scan.input),
            updater.scan.shift.eq(self.scan.shift),
            updater.scan.input.eq(perturber.scan.output),
            self.scan.output.eq(updater.scan.output),
        ]
        return m

    def _operand(self, m: Module, mine) -> Signal:
        """Return what the multiplier sees of the parameter, perturbed or not."""
        theta, amplitude, dropped = self.theta, self.broadcast.dtheta, self._operand_shift
        if len(self.broadcast.level):
            # It has been scaled to what the multiplier sees.
            theta, dropped = theta[dropped:].as_signed(), 0
            amplitude = Signal.like(self.broadcast.dtheta, name="amplitude")
            with m.If(self.broadcast.load & mine):
                m.d.sync += amplitude.eq(self.broadcast.dtheta)
        perturber = self._perturber
        m.submodules.perturbation = perturbation = AddSub(max(len(theta), len(amplitude) + 1) + 1)
        m.d.comb += [
            perturbation.a.eq(theta),
            perturbation.b.eq(Mux(self.perturb & perturber.active, amplitude, 0)),
            perturbation.subtract.eq(~(perturber.positive ^ self.opposite)),
        ]
        operand = Signal(signed(self._operand_bits))
        m.d.sync += operand.eq(perturbation.result >> dropped)
        return operand

    def _take_noise(self, m: Module) -> None:
        """Move the parameter by the broadcast step alone when its turn comes."""
        if self._update_noise == "each":
            m.d.sync += self.turned.eq(self.turn)
        else:
            m.d.comb += self.turned.eq(self.turn)
        updater = self._updater
        m.d.comb += updater.noise.eq(self.turn)
        # After what it does otherwise, of which noise is no part.
        with m.If(self.turn):
            m.d.comb += [
                updater.apply.eq(1),
                updater.update.eq(1),
                updater.active.eq(1),
                updater.error_positive.eq(~self.broadcast.step.negative),
            ]

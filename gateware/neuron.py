"""One neuron: its synapses, their sum and its activation."""

from operator import index

from amaranth.hdl import C, Cat, Module, Shape, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from pmgd.gateware.activation import make_activation
from pmgd.gateware.adder_tree import AdderTree
from pmgd.gateware.broadcast import BroadcastLayout, ScanSignature
from pmgd.gateware.defective_activation import DefectsLayout
from pmgd.gateware.layout import LayerPlan
from pmgd.gateware.plan import Plan
from pmgd.gateware.synapse import Synapse

__all__ = ["Neuron", "make_synapse"]


class Neuron(wiring.Component):
    """Adds its inputs, each modulated by a synapse, and applies the activation ([0036], [0039]).

    The bias, where there is one, is a synapse whose input is 1. Latency from `perturb` to `y`: the
    layer's entry of ``plan.latency.layers``; a new evaluation may start every cycle.

    Parameters
    ----------
    plan, layer
        The fabric's plan and the part of it for this neuron's layer.
    number
        Of the neuron, in its layer.

    Members
    -------
    broadcast
        See `BroadcastLayout`.
    neighbour, own
        Of the first parameter and of the last; see `PerturberSignature`.
    perturb, opposite
        Evaluate with the perturbations or without; with those of the opposite sign.
    turn, turned
        Noise for the first parameter, and after the last; see `Synapse`.
    x
        The inputs, one cycle after `perturb`.
    y
        The output, in the layer's format.
    theta
        The weights in input order, then the bias.
    scan
        Access to the synapses' state; the first weight leaves first.
    defects_scan
        Access to the neuron's defects, if it has any.
    """

    def __init__(self, plan: Plan, layer: LayerPlan, number: int = 0) -> None:
        self._plan = plan
        self._layer = layer
        self._first = layer.first_parameter + index(number) * layer.fan_in
        source, result = layer.input_format, layer.output_format
        super().__init__(
            {
                "broadcast": In(BroadcastLayout.of(plan)),
                "neighbour": In(1),
                "own": Out(1),
                "perturb": In(1),
                "opposite": In(1),
                "x": In(data.ArrayLayout(Shape(source.bits, source.signed), layer.inputs)),
                "y": Out(Shape(result.bits, result.signed)),
                "theta": Out(data.ArrayLayout(signed(plan.theta.bits), layer.fan_in)),
                "turn": In(1),
                "turned": Out(1),
                "scan": In(ScanSignature()),
                "defects_scan": In(ScanSignature()),
            }
        )

    def elaborate(self, platform):
        m = Module()
        layer = self._layer
        inputs = [self.x[i] for i in range(layer.inputs)]
        if layer.bias:
            inputs.append(C(1 << layer.input_format.fraction_bits))
        synapses = [
            make_synapse(self._plan, layer, self._first + i, x.shape())
            for i, x in enumerate(inputs)
        ]

        m.submodules.tree = tree = AdderTree(
            leaves=layer.fan_in, leaf_bits=layer.product_bits, sum_bits=layer.sum_bits
        )
        own, turn = self.neighbour, self.turn
        for i, synapse in enumerate(synapses):
            m.submodules["bias" if i == layer.inputs else f"weight_{i}"] = synapse
            m.d.comb += [
                synapse.broadcast.eq(self.broadcast),
                synapse.neighbour.eq(own),
                synapse.perturb.eq(self.perturb),
                synapse.opposite.eq(self.opposite),
                synapse.x.eq(inputs[i]),
                synapse.turn.eq(turn),
                tree.numbers[i].eq(synapse.product),
                self.theta[i].eq(synapse.theta),
            ]
            own, turn = synapse.own, synapse.turned
        scan_bit = self.scan.input
        for synapse in reversed(synapses):
            m.d.comb += [synapse.scan.shift.eq(self.scan.shift), synapse.scan.input.eq(scan_bit)]
            scan_bit = synapse.scan.output

        m.submodules.activation = activation = make_activation(
            layer, self._plan.spec.formats.preactivation
        )
        if layer.defective:
            defects = Signal(DefectsLayout)
            bits = defects.as_value()
            with m.If(self.defects_scan.shift):
                m.d.sync += bits.eq(Cat(bits[1:], self.defects_scan.input))
            m.d.comb += [activation.defects.eq(defects), self.defects_scan.output.eq(bits[0])]
        m.d.comb += [
            self.turned.eq(turn),
            activation.sum.eq(tree.sum),
            self.y.eq(activation.y),
            self.own.eq(own),
            self.scan.output.eq(scan_bit),
        ]
        return m


def make_synapse(plan: Plan, layer: LayerPlan, parameter: int, input_shape: Shape) -> Synapse:
    """Return a synapse of a plan.

    Parameters
    ----------
    plan, layer
        The fabric's plan and the part of it for the synapse's layer.
    parameter
        Index of its parameter in the network.
    input_shape
        Shape of its input.
    """
    fabric = plan.spec.fabric
    return Synapse(
        theta_bits=plan.theta.bits,
        gradient_bits=plan.gradient_bits,
        step_bits=plan.step_bits,
        dtheta_bits=plan.broadcast_dtheta_bits,
        operand_shift=plan.operand_shift,
        operand_bits=plan.operand_bits,
        input_shape=input_shape,
        product_bits=layer.product_bits,
        overflow=plan.spec.formats.overflow,
        perturbation=fabric.perturbation,
        perturber_bits=plan.perturber_bits,
        code_bits=plan.code_bits,
        level_bits=plan.level_bits,
        dither_bits=plan.dither_bits,
        parameter=parameter,
        increment=plan.increments[parameter] if plan.increments else 0,
        correlator=fabric.correlator,
        decay_shift=fabric.decay_shift,
        leaky=plan.leaky,
        update_noise=fabric.update_noise,
    )

"""One neuron: its synapses, their sum and its activation."""

from amaranth.hdl import C, Module, signed, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from pmgd.gateware.activation import Activation
from pmgd.gateware.adder_tree import AdderTree
from pmgd.gateware.broadcast import BroadcastLayout, ScanSignature
from pmgd.gateware.layout import LayerPlan
from pmgd.gateware.plan import Plan
from pmgd.gateware.synapse import Synapse

__all__ = ["Neuron"]


class Neuron(wiring.Component):
    """Adds its inputs, each modulated by a synapse, and applies the activation ([0036], [0039]).

    The bias is a synapse whose input is 1. Latency from `perturb` to `y`: the layer's entry of
    ``plan.latency.layers``; a new evaluation may start every cycle.

    Parameters
    ----------
    plan, layer
        The fabric's plan and the part of it for this neuron's layer.

    Members
    -------
    broadcast
        See `BroadcastLayout`.
    perturb
        Evaluate with the perturbations or without.
    x
        The inputs, one cycle after `perturb`.
    y
        The output.
    theta
        The weights in input order, then the bias.
    scan
        Access to the synapses' state; the first weight leaves first.
    """

    def __init__(self, plan: Plan, layer: LayerPlan) -> None:
        self._plan = plan
        self._layer = layer
        theta = data.ArrayLayout(signed(plan.theta.bits), layer.inputs + 1)
        super().__init__(
            {
                "broadcast": In(BroadcastLayout(plan.dtheta_bits, plan.step_bits)),
                "perturb": In(1),
                "x": In(data.ArrayLayout(self._input_shape, layer.inputs)),
                "y": Out(unsigned(plan.activation.activation.bits)),
                "theta": Out(theta),
                "scan": In(ScanSignature()),
            }
        )

    @property
    def _input_shape(self):
        source = self._layer.input_format
        return signed(source.bits) if source.signed else unsigned(source.bits)

    def _synapse(self, input_shape) -> Synapse:
        plan = self._plan
        return Synapse(
            theta_bits=plan.theta.bits,
            gradient_bits=plan.gradient_bits,
            step_bits=plan.step_bits,
            dtheta_bits=plan.dtheta_bits,
            lfsr_bits=plan.spec.fabric.lfsr_bits,
            operand_shift=plan.operand_shift,
            operand_bits=plan.operand_bits,
            input_shape=input_shape,
            product_bits=self._layer.product_bits,
            overflow=plan.spec.formats.overflow,
        )

    def elaborate(self, platform):
        m = Module()
        layer = self._layer
        one = C(1 << layer.input_format.fraction_bits)
        synapses = [self._synapse(self._input_shape) for _ in range(layer.inputs)]
        synapses.append(self._synapse(one.shape()))
        inputs = [self.x[i] for i in range(layer.inputs)] + [one]

        m.submodules.tree = tree = AdderTree(
            leaves=len(synapses), leaf_bits=layer.product_bits, sum_bits=layer.sum_bits
        )
        scan_bit = self.scan.input
        for i in reversed(range(len(synapses))):
            synapse = synapses[i]
            m.submodules["bias" if i == layer.inputs else f"weight_{i}"] = synapse
            m.d.comb += [
                synapse.broadcast.eq(self.broadcast),
                synapse.perturb.eq(self.perturb),
                synapse.x.eq(inputs[i]),
                synapse.scan.shift.eq(self.scan.shift),
                synapse.scan.input.eq(scan_bit),
                tree.numbers[i].eq(synapse.product),
                self.theta[i].eq(synapse.theta),
            ]
            scan_bit = synapse.scan.output

        m.submodules.activation = activation = Activation(
            self._plan.activation, sum_bits=layer.sum_bits, sum_shift=layer.sum_shift
        )
        m.d.comb += [
            activation.sum.eq(tree.sum),
            self.y.eq(activation.y),
            self.scan.output.eq(scan_bit),
        ]
        return m

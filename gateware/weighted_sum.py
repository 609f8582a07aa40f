"""The two parts of a neuron's weighted sum in a pipelined fabric."""

from amaranth.hdl import Cat, Module, Mux, Shape, Signal, Value, signed, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from pmgd.gateware.adder_tree import AdderTree
from pmgd.gateware.formats import signed_bits
from pmgd.gateware.latency import (
    AMPLITUDE_CYCLES,
    PRODUCT_CYCLES,
    PRODUCT_LEVELS_PER_STAGE,
    tree_cycles,
)
from pmgd.gateware.layout import LayerPlan
from pmgd.gateware.masked_tree import MaskedTree
from pmgd.gateware.multiplier import Multiplier
from pmgd.gateware.offset_binary import from_offset_binary
from pmgd.gateware.plan import Plan
from pmgd.gateware.wave import delay

__all__ = ["PerturbedSum", "WeightedSum"]


def _inputs(layer: LayerPlan) -> data.ArrayLayout:
    source = layer.input_format
    return data.ArrayLayout(Shape(source.bits, source.signed), layer.inputs)


def _masks(layer: LayerPlan, x) -> Value:
    """Return a bit for each parameter of a neuron whose inputs are bits."""
    return Cat(x, 1) if layer.bias else Cat(x)


class WeightedSum(wiring.Component):
    """Adds inputs times parameters, and the bias.

    Inputs of one bit mask what is added; others are multiplied first. Latency: the layer's entry
    of ``plan.latency.sums``; new inputs may come every cycle.

    Parameters
    ----------
    plan, layer
        The fabric's plan and the part of it for this neuron's layer.

    Members
    -------
    operands
        What the multipliers see of each parameter, packed; see `PipelinedSynapse`.
    x
        The inputs.
    sum
        The weighted sum.
    """

    def __init__(self, plan: Plan, layer: LayerPlan) -> None:
        self._plan, self._layer = plan, layer
        self._cycles = plan.latency.sums[plan.layers.index(layer)]
        self._bits = plan.theta.bits - plan.operand_shift
        super().__init__(
            {
                "operands": In(unsigned(layer.fan_in * self._bits)),
                "x": In(_inputs(layer)),
                "sum": Out(signed(layer.sum_bits)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        layer = self._layer
        cycles = 0
        if layer.binary_inputs:
            m.submodules.tree = tree = MaskedTree(
                leaves=layer.fan_in,
                leaf_bits=self._bits,
                sum_bits=layer.sum_bits,
                offset_binary=self._plan.holds_in_place,
            )
            m.d.comb += [
                tree.numbers.as_value().eq(self.operands),
                tree.masks.eq(_masks(layer, self.x)),
            ]
        else:
            m.submodules.tree = tree = AdderTree(
                leaves=layer.fan_in,
                leaf_bits=layer.product_bits,
                sum_bits=layer.sum_bits,
                levels_per_stage=PRODUCT_LEVELS_PER_STAGE,
            )
            for i in range(layer.inputs):
                times_x = Multiplier(signed(self._bits), Value.cast(self.x[i]).shape())
                m.submodules[f"times_x_{i}"] = times_x
                m.d.comb += [
                    times_x.a.eq(self._operand(i)),
                    times_x.b.eq(self.x[i]),
                    tree.numbers[i].eq(times_x.product),
                ]
            if layer.bias:
                bias = self._operand(layer.inputs) << layer.input_format.fraction_bits
                m.d.comb += tree.numbers[layer.inputs].eq(delay(m, bias, PRODUCT_CYCLES, "bias"))
            cycles = PRODUCT_CYCLES
        waits = self._cycles - cycles - tree.latency
        m.d.comb += self.sum.eq(delay(m, tree.sum, waits, "sum"))
        return m

    def _operand(self, i: int):
        bits = self.operands.word_select(i, self._bits)
        return from_offset_binary(bits) if self._plan.holds_in_place else bits.as_signed()


class PerturbedSum(wiring.Component):
    """Adds inputs times the signs of the perturbations, and multiplies by their amplitude.

    With inputs of one bit, the sum of signs is twice the number of those that are positive, less
    the number of all. Latency: as `WeightedSum`.

    Parameters
    ----------
    plan, layer
        The fabric's plan and the part of it for this neuron's layer.

    Members
    -------
    positive
        The signs, a bit for each parameter.
    x
        The inputs.
    ones
        With inputs of one bit: how many are 1, and the bias, less than 0; in the cycle after the
        last of the adder tree's.
    dtheta
        The amplitude, in last bits of a multiplier's operand.
    amplifies
        0 makes the sum 0; two cycles before the sum.
    sum
        The change of the weighted sum.
    """

    def __init__(self, plan: Plan, layer: LayerPlan) -> None:
        self._plan, self._layer = plan, layer
        self._cycles = plan.latency.sums[plan.layers.index(layer)]
        super().__init__(
            {
                "positive": In(unsigned(layer.fan_in)),
                "x": In(_inputs(layer)),
                "ones": In(signed(layer.fan_in.bit_length() + 1)),
                "dtheta": In(unsigned(plan.amplitude_bits)),
                "amplifies": In(1),
                "sum": Out(signed(layer.sum_bits)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        layer = self._layer
        signs = Signal(signed(signed_bits(-layer.reach, layer.reach)))
        if layer.binary_inputs:
            self._count(m, signs)
        else:
            self._add(m, signs)
        cycles = tree_cycles(layer.fan_in) + AMPLITUDE_CYCLES
        early = delay(m, signs, self._cycles - cycles, "signs")
        m.submodules.times_dtheta = times_dtheta = Multiplier(
            signs.shape(), self.dtheta.shape(), spares=True
        )
        m.d.comb += [
            times_dtheta.a.eq(Mux(self.amplifies, early, 0)),
            times_dtheta.b.eq(self.dtheta),
            self.sum.eq(times_dtheta.product),
        ]
        return m

    def _count(self, m: Module, signs: Signal) -> None:
        layer = self._layer
        # A bit as a signed number is less than 0.
        m.submodules.tree = tree = MaskedTree(
            leaves=layer.fan_in, leaf_bits=1, sum_bits=len(self.ones)
        )
        m.d.comb += [
            tree.numbers.as_value().eq(self.positive),
            tree.masks.eq(_masks(layer, self.x)),
        ]
        m.d.sync += signs.eq(self.ones - (tree.sum << 1))

    def _add(self, m: Module, signs: Signal) -> None:
        layer = self._layer
        source = layer.input_format
        widest = max(-source.minimum, source.maximum, layer.bias << source.fraction_bits)
        m.submodules.tree = tree = AdderTree(
            leaves=layer.fan_in, leaf_bits=signed_bits(-widest, widest), sum_bits=len(signs)
        )
        inputs = [self.x[i] for i in range(layer.inputs)]
        if layer.bias:
            inputs.append(1 << source.fraction_bits)
        for i, x in enumerate(inputs):
            leaf = Signal(signed(signed_bits(-widest, widest)), name=f"leaf_{i}")
            m.d.sync += leaf.eq(Mux(self.positive[i], x, -x))
            m.d.comb += tree.numbers[i].eq(leaf)
        m.d.comb += signs.eq(tree.sum)

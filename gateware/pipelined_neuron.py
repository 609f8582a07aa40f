"""One neuron of a pipelined fabric: its synapses, their sum, its perturbation, its activation."""

from operator import index

from amaranth.hdl import C, Cat, Module, Mux, Shape, Signal, signed, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from pmgd.gateware.activation import make_activation
from pmgd.gateware.add_sub import AddSub
from pmgd.gateware.broadcast import ScanSignature
from pmgd.gateware.layout import LayerPlan
from pmgd.gateware.pipelined_broadcast import LateLayout, PipelinedBroadcastLayout
from pmgd.gateware.pipelined_synapse import PipelinedSynapse
from pmgd.gateware.plan import Plan
from pmgd.gateware.replica import replica
from pmgd.gateware.weighted_sum import PerturbedSum, WeightedSum

__all__ = ["PipelinedNeuron"]


class PipelinedNeuron(wiring.Component):
    """Sums inputs times weights and, apart from them, inputs times signs; then adds the two.

    With all perturbations of the same amplitude, the weighted sum of the perturbed parameters is
    ``sum(theta_i x_i) + dtheta * sum(s_i x_i)``. The first part is the same for both costs of a
    timestep, and the second has opposite signs, or none. So no synapse adds a perturbation to its
    parameter, and where both copies of the datapath have the same inputs they share both sums.

    Latency: in cycles after that of the control, `x` is taken by the network in the second;
    `amplifies` belongs to cycle ``2 + sums - 2`` and `negates` to ``2 + sums``; `y` follows in
    ``3 + sums + activation``, where `sums` is the layer's entry of ``plan.latency.sums``.
    A new evaluation may start every cycle.

    Parameters
    ----------
    plan, layer
        The fabric's plan and the part of it for this neuron's layer.
    number
        Of the neuron, in its layer.
    shared
        Whether both copies have the same inputs.

    Members
    -------
    broadcast
        See `PipelinedBroadcastLayout`.
    neighbour, own, late_neighbour, late_own
        Of the first parameter and of the last; see `PerturberSignature`.
    dtheta
        Amplitude, in last bits of a multiplier's operand; constant while running.
    x
        Inputs of each copy, or of both.
    ones
        For each `x`, if it is of bits: the number of ones (and the bias), negated.
    amplifies
        For each copy: it is perturbed.
    negates
        For each copy: by the opposite signs.
    y
        The output of each copy.
    theta
        The weights in input order, then the bias.
    shifts
        The ring shifts in the next cycle.
    scan
        Access to theta and G; the first weight leaves first.
    """

    def __init__(self, plan: Plan, layer: LayerPlan, number: int, *, shared: bool) -> None:
        self._plan, self._layer = plan, layer
        self._first = layer.first_parameter + index(number) * layer.fan_in
        self._copies = plan.spec.fabric.copies
        self._sums = 1 if shared else self._copies
        source, result = layer.input_format, layer.output_format
        inputs = data.ArrayLayout(Shape(source.bits, source.signed), layer.inputs)
        super().__init__(
            {
                "broadcast": In(PipelinedBroadcastLayout(plan.step_bits + 1, plan.code_bits)),
                "neighbour": In(1),
                "own": Out(1),
                "late_neighbour": In(1),
                "late_own": Out(1),
                "dtheta": In(unsigned(plan.amplitude_bits)),
                "x": In(data.ArrayLayout(inputs, self._sums)),
                "ones": In(data.ArrayLayout(signed(layer.fan_in.bit_length() + 1), self._sums)),
                "amplifies": In(unsigned(self._copies)),
                "negates": In(unsigned(self._copies)),
                "y": Out(data.ArrayLayout(Shape(result.bits, result.signed), self._copies)),
                "theta": Out(data.ArrayLayout(signed(plan.theta.bits), layer.fan_in)),
                "shifts": In(1),
                "scan": In(ScanSignature()),
            }
        )

    def elaborate(self, platform):
        m = Module()
        synapses = self._synapses(m)
        layer = self._layer
        operands = Cat(synapse.operand for synapse in synapses)
        signs = Cat(synapse.positive for synapse in synapses)
        sums = []
        for k in range(self._sums):
            inputs = Cat(self.x[k])
            m.submodules[f"weighted_{k}"] = weighted = WeightedSum(self._plan, layer)
            m.submodules[f"perturbed_{k}"] = perturbed = PerturbedSum(self._plan, layer)
            # Shared by both copies, it is amplified wherever one of them is perturbed.
            amplifies = self.amplifies.any() if self._sums == 1 else self.amplifies[k]
            m.d.comb += [
                weighted.operands.eq(operands),
                weighted.x.as_value().eq(inputs),
                perturbed.positive.eq(signs),
                perturbed.x.as_value().eq(inputs),
                perturbed.ones.eq(self.ones[k]),
                perturbed.dtheta.eq(self.dtheta),
                perturbed.amplifies.eq(amplifies),
            ]
            sums.append((weighted.sum, perturbed.sum))
        for k in range(self._copies):
            self._activate(m, k, *sums[min(k, self._sums - 1)])
        return m

    def _synapses(self, m: Module) -> list[PipelinedSynapse]:
        layer = self._layer
        synapses = [PipelinedSynapse(self._plan, self._first + i) for i in range(layer.fan_in)]
        # Registers of its own for what every synapse hears: hundreds are too many for one.
        late = replica(LateLayout(self._plan.step_bits + 1), "late")
        # Inverted, as carry chains want it.
        stays = replica(1, "stays", init=1)
        shift = ~stays
        arriving = self.broadcast.late
        m.d.sync += [
            stays.eq(~self.shifts),
            late.applies.eq(arriving.applies),
            late.ends.eq(arriving.ends),
            late.step.eq(Mux(self.shifts, -1, Mux(arriving.applies, arriving.step, 0))),
        ]
        own, late_own = self.neighbour, self.late_neighbour
        for i, synapse in enumerate(synapses):
            m.submodules["bias" if i == layer.inputs else f"weight_{i}"] = synapse
            m.d.comb += [
                synapse.advance.eq(self.broadcast.advance | shift),
                synapse.code.eq(self.broadcast.code),
                synapse.neighbour.eq(own),
                synapse.late_advance.eq((arriving.advance & arriving.applies) | shift),
                synapse.late_code.eq(self.broadcast.late_code),
                synapse.late_neighbour.eq(late_own),
                synapse.late.eq(late),
                synapse.scan.shift.eq(shift),
                self.theta[i].eq(synapse.theta),
            ]
            own, late_own = synapse.own, synapse.late_own
        scan_bit = self.scan.input
        for synapse in reversed(synapses):
            m.d.comb += synapse.scan.input.eq(scan_bit)
            scan_bit = synapse.scan.output
        m.d.comb += [
            self.own.eq(own),
            self.late_own.eq(late_own),
            self.scan.output.eq(scan_bit),
        ]
        return synapses

    def _activate(self, m: Module, k: int, weighted, perturbed) -> None:
        """Put one copy's sums together."""
        layer, fabric = self._layer, self._plan.spec.fabric
        perturbs = fabric.copies == 1 or k == 1 or fabric.baseline == "two_sided"
        m.submodules[f"sum_{k}"] = both = AddSub(layer.sum_bits)
        m.submodules[f"activation_{k}"] = activation = make_activation(
            layer, self._plan.spec.formats.preactivation
        )
        total = Signal(signed(layer.sum_bits), name=f"total_{k}")
        m.d.comb += [
            both.a.eq(weighted),
            both.b.eq(perturbed if perturbs else C(0)),
            both.subtract.eq(self.negates[k]),
        ]
        m.d.sync += total.eq(both.result)
        m.d.comb += [activation.sum.eq(total), self.y[k].eq(activation.y)]

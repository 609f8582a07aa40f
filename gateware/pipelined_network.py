"""The network datapath of a pipelined fabric: layers of neurons, each later than the one before."""

from amaranth.hdl import Cat, Module, Mux, Shape, Signal, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from pmgd.gateware.adder_tree import AdderTree
from pmgd.gateware.broadcast import ScanSignature
from pmgd.gateware.latency import LEAD_CYCLES, LOAD_CYCLES, PRODUCT_CYCLES
from pmgd.gateware.layout import LayerPlan
from pmgd.gateware.pipelined_broadcast import PipelinedBroadcastLayout
from pmgd.gateware.pipelined_neuron import PipelinedNeuron
from pmgd.gateware.plan import Plan
from pmgd.gateware.wave import WaveLayout, delay

__all__ = ["PipelinedNetwork"]

_IN_SUMS = LEAD_CYCLES + LOAD_CYCLES
"""Cycles from a layer's control to that in which its neurons add up."""


class PipelinedNetwork(wiring.Component):
    """Evaluates the network in every cycle, while late updates travel with the evaluations.

    A layer hears of an update, and changes its perturbation, when the evaluation that is to see
    them reaches it. So every layer works on the parameters of the same timestep, at another time,
    and the delay D is the same for all.

    Latency, from `wave` to `arrived` and `y`: ``plan.latency.network`` cycles; `x` and
    `broadcast` come in their own cycles.

    Parameters
    ----------
    plan
        The plan of a pipelined fabric.

    Members
    -------
    wave
        An evaluation. With two copies, it is of both costs: `opposite` and `baseline` are not
        heard, and `perturb` is that of the copy that is always perturbed.
    x
        Its inputs, packed in order, one cycle later.
    broadcast
        See `PipelinedBroadcastLayout`; relative to `wave`.
    entering, late_entering
        With the perturbation chain, the signs that parameter 0 takes with `broadcast.advance` and
        `broadcast.late.advance`.
    dtheta
        Amplitude, in last bits of a multiplier's operand; constant while running.
    arrived, y
        An evaluation and the outputs of each copy.
    theta
        Every parameter, in the plan's order, packed.
    used
        For every layer: its parameters are those that a timestep's evaluation sees.
    shifts, scan
        The ring shifts in the next cycle; its ends. The bits that leave are in the order of
        ``plan.scan``.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        inputs = plan.sample.inputs * plan.sample.input_format.bits
        result = plan.output_format
        y = data.ArrayLayout(Shape(result.bits, result.signed), plan.outputs)
        super().__init__(
            {
                "wave": In(WaveLayout),
                "x": In(unsigned(inputs)),
                "broadcast": In(PipelinedBroadcastLayout(plan.step_bits + 1, plan.code_bits)),
                "entering": In(1),
                "late_entering": In(1),
                "dtheta": In(unsigned(plan.amplitude_bits)),
                "arrived": Out(WaveLayout),
                "y": Out(data.ArrayLayout(y, plan.spec.fabric.copies)),
                "theta": Out(unsigned(plan.parameters * plan.theta.bits)),
                "used": Out(unsigned(len(plan.layers))),
                "shifts": In(1),
                "scan": In(ScanSignature()),
            }
        )

    def elaborate(self, platform):
        m = Module()
        plan = self._plan
        values = [self.x]
        wave, broadcast = self.wave, self.broadcast
        rows = []
        for number, layer in enumerate(plan.layers):
            m.submodules[f"layer_{number}"] = submodule = Module()
            row = [
                PipelinedNeuron(plan, layer, i, shared=len(values) == 1)
                for i in range(layer.outputs)
            ]
            for i, neuron in enumerate(row):
                submodule.submodules[f"neuron_{i}"] = neuron
            self._feed(submodule, number, layer, row, values, wave, broadcast)
            m.d.comb += self.used[number].eq(
                delay(m, broadcast.late.applies, _IN_SUMS, f"used_{number}")
            )
            rows.append(row)
            values = [Cat(neuron.y[k] for neuron in row) for k in range(plan.spec.fabric.copies)]
            cycles = plan.latency.layers[number]
            wave = delay(m, wave, cycles, f"wave_{number}")
            broadcast = delay(m, broadcast, cycles, f"broadcast_{number}")
        self._chain(m, rows)
        last = plan.latency.network - sum(plan.latency.layers)
        m.d.comb += [
            self.arrived.eq(delay(m, wave, last, "arrived")),
            self.y.as_value().eq(Cat(*values)),
            self.theta.eq(Cat(neuron.theta for row in rows for neuron in row)),
        ]
        return m

    def _feed(self, m: Module, number: int, layer: LayerPlan, row, values, wave, broadcast) -> None:
        """Bring a layer its inputs and all that travels with them."""
        plan = self._plan
        sums = plan.latency.sums[number]
        copies = plan.spec.fabric.copies
        two_sided = plan.spec.fabric.baseline == "two_sided"
        inputs = [Signal(len(value), name=f"inputs_{k}") for k, value in enumerate(values)]
        m.d.sync += [register.eq(value) for register, value in zip(inputs, values, strict=True)]
        if copies == 2:
            # The first copy's cost is what the other's is compared with.
            amplifies = Cat(wave.perturb & two_sided, wave.perturb)
            negates = Cat(two_sided, 0)
        else:
            amplifies, negates = wave.perturb, wave.opposite & two_sided
        early = delay(m, amplifies, _IN_SUMS + sums - PRODUCT_CYCLES, "amplifies")
        if copies == 1:
            negates = delay(m, negates, _IN_SUMS + sums, "negates")
        ones = [self._count_ones(m, layer, register) for register in inputs]
        for neuron in row:
            m.d.comb += [
                neuron.broadcast.eq(broadcast),
                neuron.dtheta.eq(self.dtheta),
                neuron.x.as_value().eq(Cat(*inputs)),
                neuron.amplifies.eq(early),
                neuron.negates.eq(negates),
                neuron.shifts.eq(self.shifts),
                *(port.eq(count) for port, count in zip(neuron.ones, ones, strict=True)),
            ]

    def _count_ones(self, m: Module, layer: LayerPlan, inputs):
        """Return how many inputs are 1, and the bias, less than 0; for all neurons of a layer."""
        if not layer.binary_inputs:
            return 0
        ones = AdderTree(leaves=layer.fan_in, leaf_bits=1, sum_bits=layer.fan_in.bit_length() + 1)
        m.submodules += ones
        # A bit as a signed number.
        m.d.comb += ones.numbers.as_value().eq(Cat(inputs, 1) if layer.bias else inputs)
        return ones.sum

    def _chain(self, m: Module, rows) -> None:
        """Join the ring, and the perturbers' chains across the layers.

        A layer's first sign is what the last one of the layer before had an evaluation ago, which
        that layer saw earlier by its latency.
        """
        latencies = self._plan.latency.layers
        scanned = self._plan.scan.perturber_bits > 0
        # In the ring, the perturbers come behind the update perturbers.
        own, late_own = self.entering, self.late_entering
        ring_late, ring_own = self.scan.input, rows[-1][-1].late_own
        shift = Signal()
        m.d.sync += shift.eq(self.shifts)
        for number, row in enumerate(rows):
            for neuron in row:
                m.d.comb += [
                    neuron.neighbour.eq(Mux(shift, ring_own, own) if scanned else 0),
                    neuron.late_neighbour.eq(Mux(shift, ring_late, late_own) if scanned else 0),
                ]
                own = ring_own = neuron.own
                late_own = ring_late = neuron.late_own
            own = delay(m, own, latencies[number], f"own_{number}")
            late_own = delay(m, late_own, latencies[number], f"late_own_{number}")
        scan_bit = ring_own if scanned else self.scan.input
        for row in reversed(rows):
            for neuron in reversed(row):
                m.d.comb += neuron.scan.input.eq(scan_bit)
                scan_bit = neuron.scan.output
        m.d.comb += self.scan.output.eq(scan_bit)

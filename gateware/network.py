"""The network datapath: layers of neurons."""

from amaranth.hdl import Cat, Module, Shape, Signal, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from pmgd.gateware.broadcast import BroadcastLayout, ScanSignature
from pmgd.gateware.neuron import Neuron
from pmgd.gateware.plan import Plan
from pmgd.gateware.wave import WaveLayout, delay

__all__ = ["Network"]


class Network(wiring.Component):
    """Computes the outputs y = f(x; theta), every parameter a circuit of its own (Fig. 1).

    Latency from `wave` and `x` to `arrived` and `y`: ``plan.latency.network`` cycles. A new
    evaluation may start every cycle, and its wave travels with it.

    Parameters
    ----------
    plan
        The fabric's plan.

    Members
    -------
    wave, x
        An evaluation and its inputs, packed in order. `opposite` is heard only where the plan's
        baseline is two_sided.
    arrived, y
        An evaluation whose outputs are `y`, an array.
    broadcast
        See `BroadcastLayout`.
    entering
        With the perturbation chain, the sign that parameter 0 takes when the broadcast advances;
        see `pmgd.gateware.code_generator.CodeGenerator`.
    turn, turned
        Noise for parameter 0, and after the last; see `pmgd.gateware.synapse.Synapse`.
    theta
        Every parameter, in the plan's order, packed.
    scan
        Access to all state; parameter 0 leaves first, and the defects last.
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
                "arrived": Out(WaveLayout),
                "y": Out(y),
                "broadcast": In(BroadcastLayout.of(plan)),
                "entering": In(1),
                "turn": In(1),
                "turned": Out(1),
                "theta": Out(unsigned(plan.parameters * plan.theta.bits)),
                "scan": In(ScanSignature()),
            }
        )

    def elaborate(self, platform):
        m = Module()
        two_sided = self._plan.spec.fabric.baseline == "two_sided"
        neurons = []
        values, wave = self.x, self.wave
        for number, layer in enumerate(self._plan.layers):
            m.submodules[f"layer_{number}"] = submodule = Module()
            # A synapse takes its input one cycle after the perturb bit.
            inputs = Signal(len(values), name=f"inputs_{number}")
            m.d.sync += inputs.eq(values)
            row = [Neuron(self._plan, layer, i) for i in range(layer.outputs)]
            for i, neuron in enumerate(row):
                submodule.submodules[f"neuron_{i}"] = neuron
                m.d.comb += [
                    neuron.broadcast.eq(self.broadcast),
                    neuron.perturb.eq(wave.perturb),
                    neuron.opposite.eq(wave.opposite if two_sided else 0),
                    neuron.x.as_value().eq(inputs),
                ]
            neurons += row
            values = Cat(neuron.y for neuron in row)
            wave = delay(m, wave, self._plan.latency.layers[number], f"wave_{number}")

        # What the perturbation of a parameter passes to the next one; a turn comes round.
        chain = self._plan.spec.fabric.perturbation == "chain"
        own, turn = self.entering if chain else neurons[-1].own, self.turn
        for neuron in neurons:
            m.d.comb += [neuron.neighbour.eq(own), neuron.turn.eq(turn)]
            own, turn = neuron.own, neuron.turned
        stations = [neuron.scan for neuron in neurons]
        if self._plan.scan.neurons:
            stations += [neuron.defects_scan for neuron in neurons]
        scan_bit = self.scan.input
        for station in reversed(stations):
            m.d.comb += [station.shift.eq(self.scan.shift), station.input.eq(scan_bit)]
            scan_bit = station.output
        m.d.comb += [
            self.turned.eq(turn),
            self.arrived.eq(wave),
            self.y.eq(values),
            self.theta.eq(Cat(neuron.theta for neuron in neurons)),
            self.scan.output.eq(scan_bit),
        ]
        return m

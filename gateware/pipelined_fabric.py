"""The top of a pipelined fabric: a network that trains itself, a timestep every clock."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib.wiring import connect

from pmgd.gateware.code_generator import CodeGenerator
from pmgd.gateware.cost import Cost
from pmgd.gateware.flight import Flight
from pmgd.gateware.generator import WordGenerator
from pmgd.gateware.host_side import HostSide
from pmgd.gateware.latency import FETCH_CYCLES, INDEXING_CYCLES, TRANSMITTER_CYCLES
from pmgd.gateware.make_transmitter import make_transmitter
from pmgd.gateware.pipelined_evaluator import PipelinedEvaluator
from pmgd.gateware.pipelined_filter import PipelinedFilter
from pmgd.gateware.pipelined_network import PipelinedNetwork
from pmgd.gateware.pipelined_sequencer import PipelinedSequencer
from pmgd.gateware.sample_index import SampleIndex
from pmgd.gateware.wave import delay

__all__ = ["PipelinedFabric"]


class PipelinedFabric(HostSide):
    """The patent's system 100 (Fig. 1), whose timesteps overlap.

    An evaluation starts in every clock. With it travel its sample's targets, and the late update
    that it is to see; the steps of the timesteps wait in `Flight` for theirs.

    Parameters
    ----------
    plan
        What to build.

    Its members are those of `FabricSignature`.
    """

    def elaborate(self, platform):
        m = Module()
        plan = self._plan
        self._make_host_side(m)
        m.submodules.evaluator = self._evaluator = PipelinedEvaluator(plan)
        m.submodules.sequencer = self._sequencer = PipelinedSequencer(plan)
        m.submodules.order = self._order = WordGenerator()
        m.submodules.index = self._index = SampleIndex(plan)
        m.submodules.flight = self._flight = Flight(plan)
        m.submodules.network = self._network = PipelinedNetwork(plan)
        m.submodules.filter = self._filter = PipelinedFilter(plan)
        m.submodules.transmitter = self._transmitter = make_transmitter(plan)
        connect(m, self._decoder.flight, self._flight.target)
        connect(m, self._scan.ring, self._network.scan)
        self._wire_state(m)
        self._wire_front(m)
        self._wire_codes(m)
        self._wire_costs(m)
        self._wire_step(m)
        return m

    def _wire_state(self, m: Module) -> None:
        """Join the registers with what keeps them, and the sequencer with what it starts."""
        sequencer, sweep = self._sequencer, self._evaluator
        words = {
            "sample_index": self._index.sample_index,
            "flight_position": self._flight.position,
        }
        loaded = {"sample_index": self._index, "flight_position": self._flight}
        self._wire_registers(m, words, loaded)
        m.d.comb += [
            self._network.shifts.eq(self._scan.shifts),
            sequencer.offered.eq(sweep.offered),
            sweep.start.eq(sequencer.issue.wave.valid & sweep.wanted),
        ]

    def _wire_front(self, m: Module) -> None:
        """Bring each evaluation its sample, and what comes with it."""
        issue, index, flight = self._sequencer.issue, self._index, self._flight
        samples, network = self._samples, self._network
        settings, sweep = self._registers.settings, self._evaluator
        sweep_index = delay(m, sweep.index, INDEXING_CYCLES, "sweep_index")
        fetching = delay(m, issue, INDEXING_CYCLES, "fetching")
        before = delay(m, fetching, FETCH_CYCLES - 1, "before")
        now = delay(m, before, 1, "control")
        # The inputs follow the control by a cycle, which this register makes.
        sample = Signal(self._plan.sample.bits)
        inputs = len(network.x)
        m.d.sync += sample.eq(Mux(self._sequencer.probing, self._probe.sample, samples.sample))
        m.d.comb += [
            index.order.eq(settings.order),
            index.sample_count.eq(settings.sample_count),
            index.begin.eq(issue.begins & issue.new_sample),
            self._order.advance.eq(index.advance),
            index.word.eq(self._order.word),
            samples.index.eq(Mux(sweep.wanted, sweep_index, index.sample_index)),
            samples.fetch.eq(fetching.wave.valid),
            flight.take.eq(before.begins),
            flight.advance.eq(before.advance),
            flight.ends.eq(before.ends),
            network.wave.eq(now.wave),
            network.x.eq(sample[:inputs]),
            network.broadcast.late.eq(flight.late),
        ]
        m.d.sync += network.broadcast.advance.eq(now.advance & now.begins)
        # The targets wait for the outputs.
        self._target = delay(m, sample[inputs:], self._plan.latency.network - 1, "target")

    def _wire_codes(self, m: Module) -> None:
        """Make what the perturbers share, and the same for the update perturbers."""
        network = self._network
        kind, bits = self._plan.spec.fabric.perturbation, self._plan.perturber_state_bits
        late = network.broadcast.late
        for name, advance, broadcast, entering in (
            ("perturber", network.broadcast.advance, network.broadcast.code, network.entering),
            (
                "update",
                late.advance & late.applies,
                network.broadcast.late_code,
                network.late_entering,
            ),
        ):
            m.submodules[f"{name}_code"] = code = CodeGenerator(kind, bits)
            m.d.comb += code.advance.eq(advance)
            self._keep(m, f"{name}_state", code, code.state)
            m.d.comb += [broadcast.eq(code.state), entering.eq(code.entering)]

    def _wire_costs(self, m: Module) -> None:
        network, change, probe, sweep = self._network, self._filter, self._probe, self._evaluator
        probing = self._sequencer.probing
        arrived = None
        for k in range(self._plan.spec.fabric.copies):
            m.submodules[f"cost_{k}"] = cost = Cost(self._plan)
            m.d.comb += [
                cost.wave.eq(network.arrived),
                cost.y.eq(network.y[k]),
                cost.target.eq(self._target),
                change.costs[k].eq(cost.cost),
            ]
            arrived = cost.arrived
        evaluates = probing | sweep.wanted
        m.d.comb += [
            change.wave.eq(arrived),
            change.wave.valid.eq(arrived.valid & ~evaluates),
            probe.outputs_arrived.eq(network.arrived.valid & probing),
            probe.y.eq(network.y[0]),
            probe.cost_arrived.eq(arrived.valid & probing),
            probe.cost.eq(change.costs[0]),
            self._sequencer.probed.eq(probe.cost_arrived),
            sweep.outputs_arrived.eq(network.arrived.valid & sweep.wanted),
            sweep.y.eq(network.y[0]),
            sweep.target.eq(self._target),
            sweep.cost_arrived.eq(arrived.valid & sweep.wanted),
            sweep.cost.eq(change.costs[0]),
        ]

    def _wire_step(self, m: Module) -> None:
        change, transmitter = self._filter, self._transmitter
        settings, step = self._registers.settings, transmitter.step
        m.d.comb += [
            self._network.dtheta.eq(settings.dtheta >> self._plan.operand_shift),
            transmitter.valid.eq(change.arrived),
            transmitter.change.eq(change.change),
            transmitter.mantissa.eq(settings.scale_mantissa),
            transmitter.shift.eq(settings.scale_shift),
            self._flight.land.eq(transmitter.arrived),
            self._flight.step.eq(Mux(step.negative, -step.magnitude, step.magnitude)),
            self._sequencer.landed.eq(transmitter.arrived),
        ]
        self._make_rounding(m, change.arrived)
        m.d.comb += [
            self.trace.valid.eq(transmitter.arrived),
            self.trace.cost.eq(delay(m, change.perturbed_cost, TRANSMITTER_CYCLES, "cost")),
            self.trace.baseline.eq(delay(m, change.baseline, TRANSMITTER_CYCLES, "baseline")),
            self.trace.step.eq(self._flight.step),
            self.trace.used.eq(self._network.used),
            self.trace.parameters.eq(self._network.theta),
        ]

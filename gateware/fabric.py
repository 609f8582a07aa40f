"""The top: a network that trains itself, behind a byte link."""

from amaranth.hdl import Cat, Module
from amaranth.lib import wiring
from amaranth.lib.wiring import connect, flipped

from pmgd.gateware.cost import Cost
from pmgd.gateware.decoder import Decoder
from pmgd.gateware.fabric_signature import FabricSignature
from pmgd.gateware.filter import Filter
from pmgd.gateware.generator import WordGenerator
from pmgd.gateware.layout import MANTISSA_BITS, SHIFT_BITS
from pmgd.gateware.link import Link
from pmgd.gateware.network import Network
from pmgd.gateware.plan import Plan
from pmgd.gateware.probe import Probe
from pmgd.gateware.registers import Registers
from pmgd.gateware.samples import Samples
from pmgd.gateware.scan import Scan
from pmgd.gateware.sequencer import Sequencer
from pmgd.gateware.transmitter import Transmitter

__all__ = ["Fabric"]


class Fabric(wiring.Component):
    """The patent's system 100 (Fig. 1), of network 102, cost 104, filter 106, transmitter 108.

    Parameters
    ----------
    plan
        What to build.

    Its members are those of `FabricSignature`.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        super().__init__(FabricSignature(plan))

    def elaborate(self, platform):
        m = Module()
        plan = self._plan
        self._stochastic = plan.spec.formats.rounding == "stochastic"
        m.submodules.link = self._link = Link()
        m.submodules.decoder = self._decoder = Decoder(plan)
        m.submodules.registers = self._registers = Registers(plan)
        m.submodules.scan = self._scan = Scan(plan.scan)
        m.submodules.samples = self._samples = Samples(plan.sample)
        m.submodules.probe = self._probe = Probe(plan)
        m.submodules.sequencer = self._sequencer = Sequencer(plan)
        m.submodules.order = self._order = WordGenerator()
        m.submodules.rounding = self._rounding = WordGenerator()
        m.submodules.network = self._network = Network(plan)
        m.submodules.cost = self._cost = Cost(plan)
        m.submodules.filter = self._filter = Filter(cost_bits=plan.cost_bits)
        m.submodules.transmitter = self._transmitter = Transmitter(
            change_bits=plan.cost_bits + 1,
            mantissa_bits=MANTISSA_BITS,
            shift_bits=SHIFT_BITS,
            step_bits=plan.step_bits,
            stochastic=self._stochastic,
        )
        self._wire_host(m)
        self._wire_registers(m)
        self._wire_sequencer(m)
        self._wire_datapath(m)
        self._wire_trace(m)
        return m

    def _wire_host(self, m: Module) -> None:
        connect(m, flipped(self.rx), self._link.rx)
        connect(m, self._link.tx, flipped(self.tx))
        connect(m, self._link.bus, self._decoder.bus)
        connect(m, self._decoder.registers, self._registers.target)
        connect(m, self._decoder.scan, self._scan.target)
        connect(m, self._decoder.samples, self._samples.target)
        connect(m, self._decoder.probe, self._probe.sample_target)
        connect(m, self._decoder.outputs, self._probe.outputs_target)
        connect(m, self._scan.ring, self._network.scan)
        m.d.comb += [
            self.busy.eq(self._sequencer.busy),
            self._decoder.busy.eq(self.busy),
            self._registers.busy.eq(self.busy),
        ]

    def _wire_registers(self, m: Module) -> None:
        registers, sequencer = self._registers, self._sequencer
        state, load = registers.state, registers.load
        m.d.comb += [
            state.status.eq(self.busy),
            state.link_errors.eq(self._link.errors),
            Cat(state.stop_at_low, state.stop_at_high).eq(sequencer.stop_at),
            Cat(state.timestep_low, state.timestep_high).eq(sequencer.timestep),
            state.order_state.eq(self._order.word),
            state.rounding_state.eq(self._rounding.word),
            state.baseline.eq(self._filter.baseline),
            state.baseline_valid.eq(self._filter.baseline_valid),
            sequencer.load.eq(load),
            self._order.load.eq(load.order_state),
            self._rounding.load.eq(load.rounding_state),
            self._filter.load_baseline.eq(load.baseline),
            self._filter.load_valid.eq(load.baseline_valid),
            sequencer.halt.eq(registers.halt),
        ]
        for name in ("phase_x", "phase_p", "phase_theta", "sample_index"):
            m.d.comb += state[name].eq(getattr(sequencer, name))
        for component in (sequencer, self._order, self._rounding, self._filter):
            m.d.comb += component.loaded.eq(registers.loaded)

    def _wire_sequencer(self, m: Module) -> None:
        sequencer = self._sequencer
        m.d.comb += [
            sequencer.settings.eq(self._registers.settings),
            sequencer.probe_start.eq(self._probe.start),
            # Rounding to nearest draws no words, and the synthesizer drops the generator.
            self._rounding.advance.eq(sequencer.round & self._stochastic),
            self._scan.home.eq(sequencer.home),
            sequencer.homed.eq(self._scan.homed),
            self._order.advance.eq(sequencer.draw),
            sequencer.word.eq(self._order.word),
            self._samples.index.eq(sequencer.sample_index),
            self._samples.fetch.eq(sequencer.fetch),
            sequencer.baseline_valid.eq(self._filter.baseline_valid),
            self._filter.enable.eq(~sequencer.probing),
            self._filter.invalidate.eq(
                sequencer.invalidate | self._scan.written | self._samples.written
            ),
            sequencer.cost_arrived.eq(self._cost.arrived.valid),
            sequencer.step_arrived.eq(self._transmitter.arrived),
        ]

    def _wire_datapath(self, m: Module) -> None:
        network, cost, change, transmitter = (
            self._network,
            self._cost,
            self._filter,
            self._transmitter,
        )
        probe, sequencer, settings = self._probe, self._sequencer, self._registers.settings
        sample = self._samples.sample
        with m.If(sequencer.probing):
            m.d.comb += Cat(network.x, cost.target).eq(probe.sample)
        with m.Else():
            m.d.comb += Cat(network.x, cost.target).eq(sample)
        m.d.comb += [
            network.wave.eq(sequencer.wave),
            cost.wave.eq(network.arrived),
            cost.y.eq(network.y),
            change.wave.eq(cost.arrived),
            change.cost.eq(cost.cost),
            transmitter.valid.eq(change.arrived),
            transmitter.change.eq(change.change),
            transmitter.mantissa.eq(settings.scale_mantissa),
            transmitter.shift.eq(settings.scale_shift),
            transmitter.word.eq(self._rounding.word),
            network.broadcast.advance.eq(sequencer.advance),
            network.broadcast.dtheta.eq(settings.dtheta),
            network.broadcast.apply.eq(sequencer.apply),
            network.broadcast.update.eq(sequencer.update),
            network.broadcast.step.eq(transmitter.step),
            probe.outputs_arrived.eq(network.arrived.valid & sequencer.probing),
            probe.y.eq(network.y),
            probe.cost_arrived.eq(cost.arrived.valid & sequencer.probing),
            probe.cost.eq(cost.cost),
        ]

    def _wire_trace(self, m: Module) -> None:
        step = self._transmitter.step
        m.d.comb += [
            self.trace.valid.eq(self._sequencer.finished),
            self.trace.cost.eq(self._filter.perturbed_cost),
            self.trace.baseline.eq(self._filter.baseline),
            self.trace.parameters.eq(self._network.theta),
            self.trace.step.eq(step.magnitude),
        ]
        with m.If(step.negative):
            m.d.comb += self.trace.step.eq(-step.magnitude)

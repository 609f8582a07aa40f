"""The top: a network that trains itself, behind a byte link."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib.wiring import connect

from pmgd.gateware.code_generator import CodeGenerator
from pmgd.gateware.cost import Cost
from pmgd.gateware.evaluator import Evaluator
from pmgd.gateware.filter import Filter
from pmgd.gateware.generator import WordGenerator
from pmgd.gateware.host_side import HostSide
from pmgd.gateware.latency import MANTISSA_CYCLES, MEASURE_CYCLES, NOISE_CYCLES
from pmgd.gateware.layout import MANTISSA_BITS, MEAN_FRACTION_BITS, MEAN_SHIFT_BITS
from pmgd.gateware.levels import Levels
from pmgd.gateware.make_transmitter import make_transmitter
from pmgd.gateware.mean_filter import MeanFilter
from pmgd.gateware.network import Network
from pmgd.gateware.noise_source import NoiseSource
from pmgd.gateware.sequencer import Sequencer
from pmgd.gateware.wave import delay

__all__ = ["Fabric"]


class Fabric(HostSide):
    """The patent's system 100 (Fig. 1), of network 102, cost 104, filter 106, transmitter 108.

    A timestep ends before the next one starts.

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
        m.submodules.evaluator = self._evaluator = Evaluator(plan)
        m.submodules.sequencer = self._sequencer = Sequencer(plan)
        m.submodules.order = self._order = WordGenerator()
        m.submodules.network = self._network = Network(plan)
        m.submodules.cost = self._cost = Cost(plan)
        m.submodules.filter = self._filter = self._make_filter()
        m.submodules.transmitter = self._transmitter = make_transmitter(plan)
        if plan.noisy:
            bits = max(plan.cost_noise_bits, plan.update_noise_bits)
            m.submodules.noise = self._noise = NoiseSource(bits)
        connect(m, self._scan.ring, self._network.scan)
        self._wire_state(m)
        self._wire_sequencer(m)
        self._wire_datapath(m)
        self._make_rounding(m, self._sequencer.round)
        self._wire_code(m)
        self._wire_step(m)
        self._wire_cost(m)
        if plan.noisy:
            self._wire_noise(m)
        self._wire_trace(m)
        return m

    def _make_filter(self) -> Filter | MeanFilter:
        plan = self._plan
        if not plan.filters:
            return Filter(cost_bits=plan.measured_bits)
        return MeanFilter(
            cost_bits=plan.measured_bits,
            fraction_bits=MEAN_FRACTION_BITS,
            shift_bits=MEAN_SHIFT_BITS,
            highpass=plan.spec.fabric.baseline == "highpass",
        )

    def _wire_state(self, m: Module) -> None:
        """Join the registers with what keeps them."""
        registers, sequencer, change = self._registers, self._sequencer, self._filter
        words = {
            "sample_index": sequencer.sample_index,
            "baseline": change.baseline,
            "baseline_valid": change.baseline_valid,
        }
        for name in ("order_position", "perturbed"):
            if name in registers.load.shape().members:
                words[name] = getattr(sequencer, name)
        self._wire_registers(m, words, loaded={})
        m.d.comb += [
            change.load_baseline.eq(registers.load.baseline),
            change.load_valid.eq(registers.load.baseline_valid),
            change.loaded.eq(registers.loaded),
        ]

    def _wire_sequencer(self, m: Module) -> None:
        sequencer, sweep = self._sequencer, self._evaluator
        m.d.comb += [
            self._order.advance.eq(sequencer.draw),
            sequencer.word.eq(self._order.word),
            self._samples.index.eq(Mux(sweep.wanted, sweep.index, sequencer.sample_index)),
            self._samples.fetch.eq(sequencer.fetch),
            sequencer.baseline_valid.eq(self._filter.baseline_valid),
            self._filter.enable.eq(~(sequencer.probing | sweep.wanted)),
            self._filter.invalidate.eq(
                sequencer.invalidate | self._scan.written | self._samples.written
            ),
            sequencer.cost_arrived.eq(
                Mux(sweep.wanted, sweep.done, self._cost.arrived.valid),
            ),
            sequencer.step_arrived.eq(self._transmitter.arrived),
        ]

    def _wire_datapath(self, m: Module) -> None:
        network, cost, change, transmitter = (
            self._network,
            self._cost,
            self._filter,
            self._transmitter,
        )
        probe, sweep, sequencer = self._probe, self._evaluator, self._sequencer
        settings = self._registers.settings
        with m.If(sequencer.probing):
            m.d.comb += Cat(network.x, cost.target).eq(probe.sample)
        with m.Else():
            m.d.comb += Cat(network.x, cost.target).eq(self._samples.sample)
        m.d.comb += [
            network.wave.eq(sequencer.wave),
            cost.wave.eq(network.arrived),
            cost.y.eq(network.y),
            transmitter.change.eq(change.change),
            transmitter.masked.eq(~sequencer.perturbed),
            network.broadcast.advance.eq(sequencer.advance),
            network.broadcast.apply.eq(sequencer.apply),
            network.broadcast.update.eq(sequencer.update),
            network.broadcast.step.eq(transmitter.step),
            probe.outputs_arrived.eq(network.arrived.valid & sequencer.probing),
            probe.y.eq(network.y),
            probe.cost_arrived.eq(cost.arrived.valid & sequencer.probing),
            probe.cost.eq(cost.cost),
            # The outputs stay, since the sample stays and nothing is perturbed.
            sweep.arrived.eq(cost.arrived.valid & sweep.wanted),
            sweep.cost.eq(cost.cost),
            sweep.y.eq(network.y),
            sweep.target.eq(cost.target),
        ]
        if self._plan.filters:
            m.d.comb += change.mean_shift.eq(settings.mean_shift)

    def _wire_step(self, m: Module) -> None:
        """Scale the change to the broadcast step, and the amplitude: to that of every level."""
        plan, settings, broadcast = self._plan, self._registers.settings, self._network.broadcast
        change, transmitter = self._filter, self._transmitter
        full = plan.spec.fabric.correlator == "full"
        if full:
            m.d.comb += transmitter.shift.eq(settings.scale_shift)
        else:
            m.d.comb += transmitter.sign_step.eq(settings.sign_step)
        if plan.dithered:
            m.d.comb += broadcast.dither.eq(self._rounding.word[-plan.dither_bits :])
        arrived = change.arrived
        if plan.levels == 1:
            m.d.comb += broadcast.dtheta.eq(settings.dtheta)
            if full:
                m.d.comb += transmitter.mantissa.eq(settings.scale_mantissa)
        else:
            arrived = self._wire_levels(m)
        m.d.comb += transmitter.valid.eq(arrived)

    def _wire_levels(self, m: Module) -> Value:
        """Broadcast the amplitudes and the steps of all levels in turn; return the changes' strobe.

        The transmitter takes a mantissa a cycle before its change, which stays.
        """
        plan, settings, broadcast = self._plan, self._registers.settings, self._network.broadcast
        sequencer, change, transmitter = self._sequencer, self._filter, self._transmitter
        amplitude = settings.dtheta[plan.operand_shift :]
        full = plan.step_levels > 1
        m.submodules.levels = levels = Levels(
            max(len(amplitude), MANTISSA_BITS) if full else len(amplitude)
        )
        m.d.comb += [
            levels.start.eq(sequencer.begins),
            levels.value.eq(amplitude),
            broadcast.dtheta.eq(levels.scaled),
            broadcast.level.eq(levels.level),
            broadcast.load.eq(levels.valid & ~sequencer.stepping),
            sequencer.level_last.eq(levels.valid & (levels.level == plan.levels - 1)),
        ]
        if not full:
            return change.arrived
        arriving = Signal.like(levels.level)
        with m.If(transmitter.arrived):
            m.d.sync += arriving.eq(arriving + 1)
        m.d.comb += [
            sequencer.step_last.eq(transmitter.arrived & (arriving == plan.levels - 1)),
            transmitter.mantissa.eq(levels.scaled),
        ]
        with m.If(sequencer.stepping):
            m.d.comb += [
                levels.start.eq(change.arrived),
                levels.value.eq(settings.scale_mantissa),
                broadcast.level.eq(arriving),
            ]
        return delay(m, levels.valid & sequencer.stepping, MANTISSA_CYCLES, "level_change")

    def _wire_cost(self, m: Module) -> None:
        """Give the filter the cost, with noise if there is any: drawn ahead, to arrive with it."""
        plan, cost, change = self._plan, self._cost, self._filter
        if not plan.spec.fabric.cost_noise:
            m.d.comb += [change.wave.eq(cost.arrived), change.cost.eq(cost.cost)]
            return
        offset, noise = 1 << plan.cost_bits, self._noise
        measured = Signal(plan.measured_bits)
        m.d.sync += measured.eq(
            cost.cost + offset + Mux(noise.negative, -noise.magnitude, noise.magnitude)
        )
        # An evaluation for the host has ended when its cost has arrived, and is let in no more.
        arrived = Signal.like(cost.arrived)
        m.d.comb += [
            arrived.eq(cost.arrived),
            arrived.valid.eq(cost.arrived.valid & change.enable),
            change.wave.eq(delay(m, arrived, MEASURE_CYCLES, "measured")),
            change.cost.eq(measured),
        ]

    def _wire_noise(self, m: Module) -> None:
        plan, settings, noise = self._plan, self._registers.settings, self._noise
        sequencer, network = self._sequencer, self._network
        self._keep(m, "noise_state", noise, noise.word)
        if plan.spec.fabric.cost_noise:
            ahead = plan.latency.evaluation - NOISE_CYCLES
            measures = sequencer.wave.valid & self._filter.enable
            m.d.comb += [
                noise.level.eq(settings.cost_noise),
                noise.advance.eq(delay(m, measures, ahead, "measures")),
            ]
        if plan.spec.fabric.update_noise == "none":
            return
        turns = plan.parameters if plan.spec.fabric.update_noise == "each" else 1
        drawn = Signal(range(turns + 1))
        draws = sequencer.shake | (sequencer.shaking & (drawn != turns))
        shaking = sequencer.shake | sequencer.shaking
        with m.If(draws):
            m.d.sync += drawn.eq(drawn + 1)
        with m.Elif(~shaking):
            m.d.sync += drawn.eq(0)
        m.d.comb += [
            network.turn.eq(delay(m, sequencer.shake, NOISE_CYCLES, "turn")),
            sequencer.shaken.eq(network.turned),
        ]
        with m.If(shaking):
            m.d.comb += [
                noise.level.eq(settings.update_noise),
                noise.advance.eq(draws),
                network.broadcast.step.magnitude.eq(noise.magnitude),
                network.broadcast.step.negative.eq(noise.negative),
            ]

    def _wire_code(self, m: Module) -> None:
        """Make what the perturbers share, if they share anything."""
        bits = self._plan.perturber_state_bits
        if not bits:
            return
        m.submodules.code = code = CodeGenerator(self._plan.spec.fabric.perturbation, bits)
        network = self._network
        m.d.comb += code.advance.eq(self._sequencer.advance)
        self._keep(m, "perturber_state", code, code.state)
        m.d.comb += [
            network.broadcast.code.eq(code.state),
            network.entering.eq(code.entering),
        ]

    def _wire_trace(self, m: Module) -> None:
        step = self._transmitter.step
        m.d.comb += [
            self.trace.valid.eq(self._sequencer.finished),
            self.trace.used.eq(self._sequencer.finished.replicate(len(self._plan.layers))),
            self.trace.cost.eq(self._filter.perturbed_cost),
            self.trace.baseline.eq(self._filter.baseline),
            self.trace.parameters.eq(self._network.theta),
        ]
        with m.If(step.nonzero):
            m.d.comb += self.trace.step.eq(Mux(step.negative, -step.magnitude, step.magnitude))

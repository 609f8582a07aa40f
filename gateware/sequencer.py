"""The sequencer: one iteration of Table 1 after another."""

from amaranth.hdl import Cat, Module, Mux, Signal, unsigned
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from pmgd.gateware.layout import TIMESTEP_BITS, WORD_BITS
from pmgd.gateware.plan import Plan
from pmgd.gateware.registers import SettingsLayout, StateLayout
from pmgd.gateware.wave import WaveLayout

__all__ = ["Sequencer"]


class Sequencer(wiring.Component):
    """Counts timesteps and the three tau, and starts what each timestep needs (Fig. 10, Table 1).

    A timestep ends before the next one starts. It takes ``plan.clocks_per_timestep()`` cycles.

    Parameters
    ----------
    plan
        The fabric's plan.

    Members
    -------
    settings
        Run-time settings.
    load, loaded
        The host's way to set the counters kept here.
    stop_at, timestep
        The run goes on while `timestep` is below `stop_at`.
    phase_x, phase_p, phase_theta
        Timesteps since the last new sample, new perturbation and update.
    sample_index
        Index of the current sample.
    halt
        Stop after this timestep, or after the first one if none has begun; ignored unless `busy`.
    probe_start
        Evaluate the probe sample once, unperturbed.
    busy
        Running or evaluating.
    home, homed
        Asks the scan ring home and waits for it.
    draw, word
        Advance the order generator, and the word that it drew.
    fetch
        Present the sample of `sample_index`.
    round
        Advance the rounding generator.
    probing
        The network sees the probe sample, and nothing is trained.
    baseline_valid, invalidate
        Whether C0 may be used; forget it.
    wave
        An evaluation to start.
    cost_arrived, step_arrived
        Its cost, and a training evaluation's broadcast step, have arrived.
    advance, apply, update
        To every synapse: next perturbation; take the step; end of the window. The step is taken
        in the cycle in which it arrives.
    finished
        For one cycle, after each timestep.
    """

    def __init__(self, plan: Plan) -> None:
        tau = unsigned(plan.spec.fabric.tau_bits)
        super().__init__(
            {
                "settings": In(SettingsLayout(plan)),
                "load": In(StateLayout(plan, strobes=True)),
                "loaded": In(32),
                "stop_at": Out(TIMESTEP_BITS),
                "timestep": Out(TIMESTEP_BITS),
                "phase_x": Out(tau),
                "phase_p": Out(tau),
                "phase_theta": Out(unsigned(plan.spec.fabric.tau_theta_bits)),
                "sample_index": Out(unsigned(plan.sample.index_bits)),
                "halt": In(1),
                "probe_start": In(1),
                "busy": Out(1),
                "home": Out(1),
                "homed": In(1),
                "draw": Out(1),
                "word": In(32),
                "fetch": Out(1),
                "round": Out(1),
                "probing": Out(1),
                "baseline_valid": In(1),
                "invalidate": Out(1),
                "wave": Out(WaveLayout),
                "cost_arrived": In(1),
                "step_arrived": In(1),
                "advance": Out(1),
                "apply": Out(1),
                "update": Out(1),
                "finished": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        settings = self.settings
        new_sample = self.phase_x == 0
        # Not ==: a tau that was made shorter between runs still ends its window.
        window_ends = self.phase_theta + 1 >= settings.tau_theta

        probe_wanted = Signal()
        halting = Signal()
        with m.If(self.probe_start):
            m.d.sync += probe_wanted.eq(1)

        # The index is the high part of word * sample_count, formed a bit of the count at a time:
        # a multiplier of this width would take as much of a small device as several neurons.
        scaled = Signal(WORD_BITS + len(settings.sample_count))
        bit = Signal(range(len(settings.sample_count)))
        following = self.sample_index + 1
        in_sequence = Mux(following >= settings.sample_count, 0, following)

        with m.FSM() as fsm:
            with m.State("IDLE"):
                m.d.sync += halting.eq(0)
                with m.If(probe_wanted | (self.timestep < self.stop_at)):
                    m.next = "HOME"
            with m.State("HOME"):
                m.d.comb += self.home.eq(1)
                with m.If(self.homed):
                    m.next = "BEGIN"
                    with m.If(probe_wanted):
                        m.next = "PROBE"
            with m.State("BEGIN"):
                m.d.comb += [
                    self.advance.eq(self.phase_p == 0),
                    self.round.eq(1),
                    self.draw.eq(new_sample & ~settings.order),
                    self.invalidate.eq(new_sample),
                ]
                m.d.sync += [scaled.eq(0), bit.eq(len(settings.sample_count) - 1)]
                m.next = "FETCH"
                with m.If(new_sample):
                    m.next = "SCALE"
            with m.State("SCALE"):
                summand = Mux(settings.sample_count.bit_select(bit, 1), self.word, 0)
                m.d.sync += [scaled.eq((scaled << 1) + summand), bit.eq(bit - 1)]
                with m.If(bit == 0):
                    m.next = "INDEX"
            with m.State("INDEX"):
                m.d.sync += self.sample_index.eq(
                    Mux(settings.order, in_sequence, scaled >> WORD_BITS)
                )
                m.next = "FETCH"
            with m.State("FETCH"):
                m.d.comb += self.fetch.eq(1)
                m.next = "PERTURBED"
                with m.If(~self.baseline_valid):
                    m.next = "BASELINE"
            with m.State("BASELINE"):
                m.d.comb += self.wave.valid.eq(1)
                m.next = "PERTURBED"
            with m.State("PERTURBED"):
                m.d.comb += [self.wave.valid.eq(1), self.wave.perturb.eq(1)]
                m.next = "STEP"
            with m.State("STEP"):
                m.d.comb += self.update.eq(window_ends)
                with m.If(self.step_arrived):
                    m.d.comb += [self.apply.eq(1), self.invalidate.eq(window_ends)]
                    m.d.sync += self.timestep.eq(self.timestep + 1)
                    for phase, tau in (
                        (self.phase_x, settings.tau_x),
                        (self.phase_p, settings.tau_p),
                        (self.phase_theta, settings.tau_theta),
                    ):
                        m.d.sync += phase.eq(Mux(phase + 1 >= tau, 0, phase + 1))
                    m.next = "FINISHED"
            with m.State("FINISHED"):
                m.d.comb += self.finished.eq(1)
                m.next = "BEGIN"
                with m.If(halting | self.halt):
                    m.d.sync += self.stop_at.eq(self.timestep)
                    m.next = "IDLE"
                with m.Elif(self.timestep >= self.stop_at):
                    m.next = "IDLE"
            with m.State("PROBE"):
                m.d.comb += [self.probing.eq(1), self.wave.valid.eq(1)]
                m.d.sync += probe_wanted.eq(0)
                m.next = "PROBING"
            with m.State("PROBING"):
                m.d.comb += self.probing.eq(1)
                with m.If(self.cost_arrived):
                    m.next = "IDLE"
        # After the FSM, so that a halt in the cycle in which a run starts is not cleared in IDLE.
        with m.If(self.halt & self.busy):
            m.d.sync += halting.eq(1)
        m.d.comb += self.busy.eq(
            ~fsm.ongoing("IDLE") | probe_wanted | (self.timestep < self.stop_at)
        )
        self._loads(m)
        return m

    def _loads(self, m: Module) -> None:
        for name in ("phase_x", "phase_p", "phase_theta", "sample_index"):
            with m.If(self.load[name]):
                m.d.sync += getattr(self, name).eq(self.loaded)
        stop_at_low, timestep_low = Signal(WORD_BITS), Signal(WORD_BITS)
        for held, load in (
            (stop_at_low, self.load.stop_at_low),
            (timestep_low, self.load.timestep_low),
        ):
            with m.If(load):
                m.d.sync += held.eq(self.loaded)
        with m.If(self.load.stop_at_high):
            m.d.sync += self.stop_at.eq(Cat(stop_at_low, self.loaded))
        with m.If(self.load.timestep_high):
            timestep = Cat(timestep_low, self.loaded)
            m.d.sync += [self.timestep.eq(timestep), self.stop_at.eq(timestep)]

"""The sequencer: one iteration of Table 1 after another."""

from amaranth.hdl import Assert, Cat, Const, Module, Mux, Signal, unsigned
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from pmgd.gateware.latency import FETCH_CYCLES
from pmgd.gateware.layout import TIMESTEP_BITS
from pmgd.gateware.plan import Plan
from pmgd.gateware.registers import SettingsLayout, StateLayout
from pmgd.gateware.sample_order import SampleOrder
from pmgd.gateware.timestep_counters import load_counters
from pmgd.gateware.wave import WaveLayout, delay

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
    sweeping
        A sample of a sweep is to be evaluated, unperturbed: that of the sweep's index.
    busy
        Running or evaluating.
    home, homed
        Asks the scan ring home and waits for it.
    draw, word
        Advance the order generator, and the word that it drew.
    fetch
        Present the sample of `sample_index` or, while `sweeping`, of the sweep's index.
    round
        Advance the rounding generator.
    probing
        The network sees the probe sample; it is not part of training.
    baseline_valid, invalidate
        Whether C0 may be used; forget it.
    wave
        An evaluation to start.
    cost_arrived, step_arrived
        Its cost, and a training evaluation's broadcast step, have arrived. A sweep's cost arrives
        when it is counted.
    perturbed
        0 if the perturbation is not applied in this timestep, and there is no step; see
        the specification's baseline ``literal``.
    begins
        For one cycle: a timestep begins.
    level_last, step_last
        With levels, the last amplitude, and the last of a timestep's steps, have arrived.
    stepping
        The steps of a timestep, not its amplitudes, are under way or done.
    shake, shaking, shaken
        Begin to give every parameter noise; go on; the last one has it.
    advance, apply, update
        To every synapse: next perturbation; take the step; end of the window. The step is taken
        in the cycle in which it arrives.
    finished
        For one cycle, after each timestep.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        tau = unsigned(plan.spec.fabric.tau_bits)
        index = unsigned(plan.sample.index_bits)
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
                "sample_index": Out(index),
                "order_position": Out(index),
                "halt": In(1),
                "probe_start": In(1),
                "sweeping": In(1),
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
                "step_last": In(1),
                "begins": Out(1),
                "level_last": In(1),
                "stepping": Out(1),
                "shake": Out(1),
                "shaking": Out(1),
                "shaken": In(1),
                "perturbed": Out(1),
                "advance": Out(1),
                "apply": Out(1),
                "update": Out(1),
                "finished": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        plan, settings = self._plan, self.settings
        kind, noisy = plan.spec.fabric.baseline, plan.spec.fabric.update_noise != "none"
        new_sample = self.phase_x == 0
        # Not ==: a tau that was made shorter between runs still ends its window.
        updates = self.phase_theta + 1 >= settings.tau_theta
        if kind == "literal":
            updates = self.phase_theta == 0
        takes_baseline = {
            "sample": ~self.baseline_valid,
            "two_sided": Const(1),
            "mean": Const(0),
            "highpass": Const(0),
            "literal": new_sample | updates,
        }[kind]
        forgets = kind == "sample"
        if plan.filters:
            forgets = settings.blank
        runs = self.timestep < self.stop_at
        halting = Signal()
        m.submodules.order = order = self._wire_order(m)
        fetched = delay(m, self.fetch, FETCH_CYCLES - 1, "fetching")

        with m.FSM() as fsm:
            with m.State("IDLE"):
                m.d.sync += halting.eq(0)
                with m.If(self.busy):
                    m.next = "HOME"
            with m.State("HOME"):
                m.d.comb += self.home.eq(1)
                with m.If(self.homed):
                    m.next = "BEGIN"
                    with m.If(self.sweeping):
                        m.next = "FETCH"
                    with m.If(self.probing):
                        m.next = "EVALUATE"
            with m.State("BEGIN"):
                m.d.comb += [
                    self.begins.eq(1),
                    self.advance.eq(self.phase_p == 0),
                    self.round.eq(plan.stochastic),
                    self.invalidate.eq(new_sample & forgets),
                    order.begin.eq(new_sample),
                ]
                m.next = "LEVELS" if plan.levels > 1 else "FETCH"
                if plan.levels == 1:
                    with m.If(new_sample):
                        m.next = "DRAW"
            if plan.levels > 1:
                with m.State("LEVELS"), m.If(self.level_last):
                    m.next = "FETCH"
                    with m.If(new_sample):
                        m.next = "DRAW"
            with m.State("DRAW"):
                m.d.comb += order.run.eq(1)
                with m.If(order.done):
                    m.next = "FETCH"
            with m.State("FETCH"):
                m.d.comb += self.fetch.eq(1)
                m.next = "FETCHING"
            with m.State("FETCHING"), m.If(fetched):
                m.next = "PERTURBED"
                with m.If(takes_baseline):
                    m.next = "BASELINE"
                with m.If(self.sweeping):
                    m.next = "EVALUATE"
            with m.State("BASELINE"):
                m.d.comb += [
                    self.wave.valid.eq(1),
                    self.wave.baseline.eq(1),
                    self.wave.perturb.eq(kind == "two_sided"),
                    self.wave.opposite.eq(kind == "two_sided"),
                ]
                m.next = "PERTURBED"
            with m.State("PERTURBED"):
                m.d.comb += [self.wave.valid.eq(1), self.wave.perturb.eq(self.perturbed)]
                m.next = "STEP"
            with m.State("STEP"):
                m.d.comb += [self.update.eq(updates), self.stepping.eq(1)]
                m.d.comb += self.apply.eq(self.step_arrived)
                with m.If(self.step_last if plan.step_levels > 1 else self.step_arrived):
                    m.d.comb += self.invalidate.eq(updates & (kind == "sample"))
                    m.d.sync += self.timestep.eq(self.timestep + 1)
                    for phase, tau in (
                        (self.phase_x, settings.tau_x),
                        (self.phase_p, settings.tau_p),
                        (self.phase_theta, settings.tau_theta),
                    ):
                        m.d.sync += phase.eq(Mux(phase + 1 >= tau, 0, phase + 1))
                    m.next = "FINISHED"
                    if noisy:
                        with m.If(updates):
                            m.next = "SHAKE"
            if noisy:
                with m.State("SHAKE"):
                    m.d.comb += [self.shake.eq(1), self.stepping.eq(1)]
                    m.next = "SHAKING"
                with m.State("SHAKING"):
                    m.d.comb += [self.shaking.eq(1), self.stepping.eq(1)]
                    with m.If(self.shaken):
                        m.next = "FINISHED"
            with m.State("FINISHED"):
                m.d.comb += self.finished.eq(1)
                m.next = "BEGIN"
                with m.If(halting | self.halt):
                    m.d.sync += self.stop_at.eq(self.timestep)
                    m.next = "IDLE"
                with m.Elif(~runs):
                    m.next = "IDLE"
            with m.State("EVALUATE"):
                m.d.comb += self.wave.valid.eq(1)
                m.next = "EVALUATING"
            with m.State("EVALUATING"), m.If(self.cost_arrived):
                m.d.sync += self.probing.eq(0)
                m.next = "IDLE"
        with m.If(self.probe_start):
            m.d.sync += self.probing.eq(1)
        # After the FSM, so that a halt in the cycle in which a run starts is not cleared in IDLE.
        with m.If(self.halt & self.busy):
            m.d.sync += halting.eq(1)
        m.d.comb += self.busy.eq(~fsm.ongoing("IDLE") | self.probing | self.sweeping | runs)
        self._keep_perturbed(m, fsm.ongoing("BEGIN"), takes_baseline)
        timestep = ["BEGIN", "DRAW", "BASELINE", "PERTURBED", "STEP", "FINISHED"]
        timestep += ["LEVELS"] * (plan.levels > 1) + ["SHAKE", "SHAKING"] * noisy
        trains = Cat(fsm.ongoing(state) for state in timestep).any()
        evaluates = fsm.ongoing("EVALUATE") | fsm.ongoing("EVALUATING")
        apart = Mux(self.probing | self.sweeping, ~trains, ~evaluates)
        m.d.sync += Assert(apart, "nothing is evaluated for the host in a run, nor the other way")
        load_counters(m, self)
        return m

    def _wire_order(self, m: Module) -> SampleOrder:
        order = SampleOrder(self._plan)
        m.d.comb += [
            order.order.eq(self.settings.order),
            order.sample_count.eq(self.settings.sample_count),
            order.word.eq(self.word),
            order.load_index.eq(self.load.sample_index),
            order.loaded.eq(self.loaded),
            self.draw.eq(order.advance),
            self.sample_index.eq(order.sample_index),
            self.order_position.eq(order.order_position),
        ]
        if self._plan.spec.fabric.shuffle:
            m.d.comb += order.load_position.eq(self.load.order_position)
        return order

    def _keep_perturbed(self, m: Module, begins, takes_baseline) -> None:
        """Table 1 as printed takes the perturbation away for the baseline, and leaves it so."""
        if self._plan.spec.fabric.baseline != "literal":
            m.d.comb += self.perturbed.eq(1)
            return
        with m.If(begins & (self.phase_p == 0)):
            m.d.sync += self.perturbed.eq(1)
        with m.Elif(begins & takes_baseline):
            m.d.sync += self.perturbed.eq(0)
        with m.If(self.load.perturbed):
            m.d.sync += self.perturbed.eq(self.loaded)

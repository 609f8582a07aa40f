"""The sequencer of a pipelined fabric: a timestep every clock, or every second one."""

from amaranth.hdl import Assert, Cat, Module, Mux, Signal, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from pmgd.gateware.layout import TIMESTEP_BITS
from pmgd.gateware.plan import Plan
from pmgd.gateware.registers import SettingsLayout, StateLayout
from pmgd.gateware.timestep_counters import load_counters
from pmgd.gateware.wave import WaveLayout

__all__ = ["IssueLayout", "PipelinedSequencer"]

IssueLayout = data.StructLayout(
    {"begins": 1, "new_sample": 1, "advance": 1, "ends": 1, "wave": WaveLayout}
)
"""What starts in a cycle: an evaluation (`wave`), and with it a timestep (`begins`).

The timestep takes a new sample (`new_sample`), changes to the next perturbation (`advance`), and
its step ends a window (`ends`).
"""


class PipelinedSequencer(wiring.Component):
    """Counts timesteps and the three tau, and starts a timestep every ``plan.interval`` cycles.

    A run ends when the steps of all of its timesteps have landed in the queue of steps in flight.

    Parameters
    ----------
    plan
        The plan of a pipelined fabric.

    Members
    -------
    settings, load, loaded, stop_at, timestep, phase_x, phase_p, phase_theta
        As in `pmgd.gateware.sequencer.Sequencer`.
    halt
        Start no timestep after the one under way, or after the first; ignored unless `busy`.
    probe_start
        Evaluate the probe sample once, unperturbed.
    sweeping, offered
        A sweep is under way, and has a sample to evaluate.
    busy
        Running or evaluating.
    home, homed
        Asks the scan ring home and waits for it.
    probing
        The network sees the probe sample.
    issue
        See `IssueLayout`.
    landed
        For one cycle: the step of a timestep is in the queue.
    probed
        For one cycle: the cost of the probe sample.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
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
                "halt": In(1),
                "probe_start": In(1),
                "sweeping": In(1),
                "offered": In(1),
                "busy": Out(1),
                "home": Out(1),
                "homed": In(1),
                "probing": Out(1),
                "issue": Out(IssueLayout),
                "landed": In(1),
                "probed": In(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        begins, wave = self.issue.begins, self.issue.wave
        pending, halting, last, second = Signal(), Signal(), Signal(), Signal()
        left = Signal(TIMESTEP_BITS + 1)
        under_way = self._under_way(m)
        with m.FSM() as fsm:
            with m.State("IDLE"):
                m.d.sync += halting.eq(0)
                with m.If(self.busy):
                    m.next = "HOME"
            with m.State("HOME"):
                # Timesteps left, less 1; below 0 if there is none.
                m.d.comb += self.home.eq(1)
                m.d.sync += left.eq(self.stop_at + ~Cat(self.timestep, 0))
                with m.If(self.homed):
                    m.next = "BEGIN"
                    with m.If(self.sweeping):
                        m.next = "SWEEP"
                    with m.If(self.probing):
                        m.next = "PROBE"
            with m.State("BEGIN"):
                m.d.sync += [pending.eq(0), last.eq(left == 0)]
                m.next = "RUN"
                with m.If(left[-1]):
                    m.next = "IDLE"
            with m.State("RUN"):
                self._run(m, second)
                with m.If(begins):
                    m.d.sync += [left.eq(left - 1), last.eq(left == 1)]
                ends = last | halting | self.halt
                if self._plan.interval == 2:
                    # By now it is that of the timestep after.
                    ends = second & (left[-1] | halting | self.halt)
                with m.If(ends):
                    m.next = "DRAIN"
            with m.State("DRAIN"), m.If(~under_way.any()):
                m.d.sync += self.stop_at.eq(self.timestep)
                m.next = "IDLE"
            with m.State("PROBE"):
                m.d.comb += wave.valid.eq(1)
                m.next = "PROBING"
            with m.State("PROBING"), m.If(self.probed):
                m.d.sync += self.probing.eq(0)
                m.next = "IDLE"
            with m.State("SWEEP"):
                m.d.comb += wave.valid.eq(self.offered)
                with m.If(~self.sweeping):
                    m.next = "IDLE"
        with m.If(self.probe_start):
            m.d.sync += self.probing.eq(1)
        # After the FSM, so that a halt in the cycle in which a run starts is not cleared in IDLE.
        with m.If(self.halt & self.busy):
            m.d.sync += halting.eq(1)
        with m.If(self.load.stop_at_high):
            m.d.sync += pending.eq(1)
        m.d.comb += self.busy.eq(~fsm.ongoing("IDLE") | pending | self.probing | self.sweeping)
        self._count(m)
        load_counters(m, self)
        evaluates = Cat(fsm.ongoing(state) for state in ("PROBE", "PROBING", "SWEEP")).any()
        m.d.sync += Assert(~(evaluates & begins), "no timestep begins in an evaluation")
        return m

    def _run(self, m: Module, second) -> None:
        """Start a timestep, or the second evaluation of one."""
        issue, wave = self.issue, self.issue.wave
        two_sided = self._plan.spec.fabric.baseline == "two_sided"
        first = ~second if self._plan.interval == 2 else 1
        if self._plan.interval == 2:
            m.d.sync += second.eq(~second)
        m.d.comb += [
            issue.begins.eq(first),
            wave.valid.eq(1),
            wave.baseline.eq(first),
            wave.opposite.eq(first & two_sided),
            wave.perturb.eq(two_sided | (second if self._plan.interval == 2 else 1)),
        ]

    def _count(self, m: Module) -> None:
        """Keep the counters, and tell what they mean for the timestep."""
        settings, issue = self.settings, self.issue
        phases = (
            (self.phase_x, settings.tau_x),
            (self.phase_p, settings.tau_p),
            (self.phase_theta, settings.tau_theta),
        )
        # Not ==: a tau that was made shorter between runs still ends its window.
        over = [phase + 1 >= tau for phase, tau in phases]
        with m.If(issue.begins):
            m.d.sync += self.timestep.eq(self.timestep + 1)
            for (phase, _), ends in zip(phases, over, strict=True):
                m.d.sync += phase.eq(Mux(ends, 0, phase + 1))
            m.d.comb += [
                issue.new_sample.eq(self.phase_x == 0),
                issue.advance.eq(self.phase_p == 0),
                issue.ends.eq(over[2]),
            ]

    def _under_way(self, m: Module) -> Signal:
        """Return how many timesteps have begun, and their steps not landed."""
        latency = self._plan.latency
        count = Signal(range(2 * latency.step), name="under_way")
        with m.If(self.issue.begins & ~self.landed):
            m.d.sync += count.eq(count + 1)
        with m.If(~self.issue.begins & self.landed):
            m.d.sync += count.eq(count - 1)
        return count

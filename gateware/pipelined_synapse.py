"""One parameter's circuit where updates arrive late."""

from amaranth.hdl import Module, signed, unsigned
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from pmgd.gateware.broadcast import ScanSignature
from pmgd.gateware.correlator import Correlator
from pmgd.gateware.hold_updater import HoldUpdater
from pmgd.gateware.perturber import make_perturber
from pmgd.gateware.pipelined_broadcast import LateLayout
from pmgd.gateware.plan import Plan
from pmgd.gateware.updater import Updater

__all__ = ["PipelinedSynapse"]


class PipelinedSynapse(wiring.Component):
    """The optimizer 110 of Fig. 2, with one perturber for evaluations and one for late updates.

    ::

        advance ----> perturber ----------------------------> positive
        late.advance -> update perturber --> correlator
        late.step --------------------------> (XNOR) --> updater --> theta

    A step reaches its parameter D timesteps after the perturbation that caused it. A second
    perturber with the same generator is then at that perturbation, so that nothing needs to be
    remembered; see docs/specification.md. Where a parameter holds at its bounds and has no G, all
    but the perturbers is one carry chain; see `HoldUpdater`.

    Latency: from `late` (its step) to `theta` and from `advance` to `positive` one cycle each, and
    from `late_advance` to what `late` is correlated with one cycle. Either may come every cycle.

    Parameters
    ----------
    plan
        The fabric's plan.
    parameter
        Index of its parameter in the network.

    Members
    -------
    advance, code, neighbour, own
        Of the perturber; see `PerturberSignature`.
    late_advance, late_code, late_neighbour, late_own
        The same of the update perturber.
    late
        See `LateLayout`; `advance` is not heard, and the step is 0 unless it applies. While the
        ring shifts, it is -1.
    positive
        Sign of the perturbation.
    theta
        The parameter.
    operand
        What multipliers see of it; in offset binary where the plan's parameters hold in place.
    scan
        Access to theta and G; the perturbers are scanned by `advance` and `late_advance`.
    """

    def __init__(self, plan: Plan, parameter: int) -> None:
        self._plan = plan
        self._parameter = parameter
        code = unsigned(plan.code_bits)
        super().__init__(
            {
                "advance": In(1),
                "code": In(code),
                "neighbour": In(1),
                "own": Out(1),
                "late_advance": In(1),
                "late_code": In(code),
                "late_neighbour": In(1),
                "late_own": Out(1),
                "late": In(LateLayout(plan.step_bits + 1)),
                "positive": Out(1),
                "theta": Out(signed(plan.theta.bits)),
                "operand": Out(unsigned(plan.theta.bits - plan.operand_shift)),
                "scan": In(ScanSignature()),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.perturber = perturber = self._make_perturber()
        m.submodules.update_perturber = late = self._make_perturber()
        m.d.comb += [
            perturber.advance.eq(self.advance),
            perturber.code.eq(self.code),
            perturber.neighbour.eq(self.neighbour),
            self.own.eq(perturber.own),
            self.positive.eq(perturber.positive),
            late.advance.eq(self.late_advance),
            late.code.eq(self.late_code),
            late.neighbour.eq(self.late_neighbour),
            self.late_own.eq(late.own),
        ]
        update = self._hold if self._plan.holds_in_place else self._accumulate
        m.submodules.updater = updater = update(m, late.positive)
        kept = updater.stored if self._plan.holds_in_place else updater.theta
        m.d.comb += [
            self.operand.eq(kept[self._plan.operand_shift :]),
            updater.scan.shift.eq(self.scan.shift),
            updater.scan.input.eq(self.scan.input),
            self.scan.output.eq(updater.scan.output),
            self.theta.eq(updater.theta),
        ]
        return m

    def _make_perturber(self) -> wiring.Component:
        return make_perturber(
            self._plan.spec.fabric.perturbation,
            bits=0,  # no generator of its own
            code_bits=self._plan.code_bits,
            parameter=self._parameter,
        )

    def _hold(self, m: Module, positive) -> HoldUpdater:
        updater = HoldUpdater(self._plan.theta.bits)
        m.d.comb += [updater.step.eq(self.late.step), updater.positive.eq(positive)]
        return updater

    def _accumulate(self, m: Module, positive) -> Updater:
        plan = self._plan
        updater = Updater(
            theta_bits=plan.theta.bits,
            gradient_bits=plan.gradient_bits,
            step_bits=plan.step_bits,
            overflow=plan.spec.formats.overflow,
            decay_shift=plan.spec.fabric.decay_shift,
        )
        m.submodules.correlator = correlator = Correlator()
        m.d.comb += [
            correlator.positive.eq(positive),
            correlator.negative.eq(self.late.step < 0),
            updater.apply.eq(self.late.applies & ~self.scan.shift),
            updater.update.eq(self.late.ends),
            updater.active.eq(1),
            updater.magnitude.eq(abs(self.late.step)),
            updater.error_positive.eq(correlator.error_positive),
        ]
        return updater

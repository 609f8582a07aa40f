"""What every fabric has on the side of the host: the link, the registers and the windows."""

from collections.abc import Mapping

from amaranth.hdl import Module, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import connect, flipped

from pmgd.gateware.decoder import Decoder
from pmgd.gateware.fabric_signature import FabricSignature
from pmgd.gateware.generator import WordGenerator
from pmgd.gateware.layout import WORD_BITS
from pmgd.gateware.link import Link
from pmgd.gateware.plan import Plan
from pmgd.gateware.probe import Probe
from pmgd.gateware.registers import Registers
from pmgd.gateware.samples import Samples
from pmgd.gateware.scan import Scan

__all__ = ["HostSide"]


class HostSide(wiring.Component):
    """A fabric but for what computes, which its subclasses add.

    Parameters
    ----------
    plan
        What to build.

    Its members are those of `FabricSignature`.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        super().__init__(FabricSignature(plan))

    def _make_host_side(self, m: Module) -> None:
        plan = self._plan
        m.submodules.link = self._link = Link()
        m.submodules.decoder = self._decoder = Decoder(plan)
        m.submodules.registers = self._registers = Registers(plan)
        m.submodules.scan = self._scan = Scan(plan.scan)
        m.submodules.samples = self._samples = Samples(plan.sample)
        m.submodules.probe = self._probe = Probe(plan)
        connect(m, flipped(self.rx), self._link.rx)
        connect(m, self._link.tx, flipped(self.tx))
        connect(m, self._link.bus, self._decoder.bus)
        connect(m, self._decoder.registers, self._registers.target)
        connect(m, self._decoder.scan, self._scan.target)
        connect(m, self._decoder.samples, self._samples.target)
        connect(m, self._decoder.probe, self._probe.sample_target)
        connect(m, self._decoder.outputs, self._probe.outputs_target)
        m.d.comb += [self._decoder.busy.eq(self.busy), self._registers.busy.eq(self.busy)]

    def _wire_registers(
        self, m: Module, words: Mapping[str, Value], loaded: Mapping[str, wiring.Component]
    ) -> None:
        """Join the registers and the ring with the components that a subclass has made.

        They are its `_sequencer`, `_evaluator` and `_order`, and those given.

        Parameters
        ----------
        m
            Where to join them.
        words
            Further values, by their registers' names.
        loaded
            Further components that keep one register that can be written, by its name.
        """
        registers, sequencer, sweep = self._registers, self._sequencer, self._evaluator
        kept = {
            "status": self.busy,
            "link_errors": self._link.errors,
            "order_state": self._order.word,
            "evaluate": sweep.evaluate,
            "hits": sweep.hits,
            **{name: getattr(sequencer, name) for name in ("phase_x", "phase_p", "phase_theta")},
            **words,
        }
        for name, value in (
            ("stop_at", sequencer.stop_at),
            ("timestep", sequencer.timestep),
            ("cost_sum", sweep.cost_sum),
        ):
            kept |= {f"{name}_low": value[:WORD_BITS], f"{name}_high": value[WORD_BITS:]}
        m.d.comb += [registers.state[name].eq(value) for name, value in kept.items()]
        for name, component in {"order_state": self._order, "evaluate": sweep, **loaded}.items():
            m.d.comb += [
                component.load.eq(registers.load[name]),
                component.loaded.eq(registers.loaded),
            ]
        m.d.comb += [
            self.busy.eq(sequencer.busy),
            sequencer.settings.eq(registers.settings),
            sequencer.load.eq(registers.load),
            sequencer.loaded.eq(registers.loaded),
            sequencer.halt.eq(registers.halt),
            sequencer.probe_start.eq(self._probe.start),
            sequencer.sweeping.eq(sweep.wanted),
            self._scan.home.eq(sequencer.home),
            sequencer.homed.eq(self._scan.homed),
        ]

    def _make_rounding(self, m: Module, advance: Value) -> None:
        """Give the subclass's `_transmitter` its random words, if it rounds with them."""
        if not self._plan.stochastic:
            return
        m.submodules.rounding = self._rounding = rounding = WordGenerator()
        m.d.comb += rounding.advance.eq(advance)
        self._keep(m, "rounding_state", rounding, rounding.word)
        m.d.comb += self._transmitter.word.eq(rounding.word)

    def _keep(self, m: Module, name: str, component: wiring.Component, value: Value) -> None:
        """Join a register that can be written with the generator that keeps it."""
        registers = self._registers
        m.d.comb += [
            component.load.eq(registers.load[name]),
            component.loaded.eq(registers.loaded),
            registers.state[name].eq(value),
        ]

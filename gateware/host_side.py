"""What every fabric has on the side of the host: the link, the registers and the windows."""

from collections.abc import Mapping

from amaranth.hdl import Module, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import connect, flipped

from pmgd.gateware.decoder import Decoder
from pmgd.gateware.fabric_signature import FabricSignature
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

    def _keep(
        self,
        m: Module,
        words: Mapping[str, Value],
        long: Mapping[str, Value],
        loaded: Mapping[str, wiring.Component],
    ) -> None:
        """Join the registers with the components that keep them.

        Parameters
        ----------
        m
            Where to join them.
        words, long
            Values by their registers' names; those in `long` take two words.
        loaded
            Components that keep one register that can be written, by its name.
        """
        registers = self._registers
        kept = {"status": self.busy, "link_errors": self._link.errors, **words}
        for name, value in long.items():
            kept |= {f"{name}_low": value[:WORD_BITS], f"{name}_high": value[WORD_BITS:]}
        m.d.comb += [registers.state[name].eq(value) for name, value in kept.items()]
        for name, component in loaded.items():
            m.d.comb += [
                component.load.eq(registers.load[name]),
                component.loaded.eq(registers.loaded),
            ]

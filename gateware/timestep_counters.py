"""The host's way to set the counters that every sequencer keeps."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import wiring

from pmgd.gateware.layout import WORD_BITS

__all__ = ["load_counters"]


def load_counters(m: Module, sequencer: wiring.Component) -> None:
    """Let `load` and `loaded` set a sequencer's phases, `timestep` and `stop_at`.

    A number of two words takes effect with its high word; a timestep that is set is also where the
    run stops, so that it never starts one.
    """
    load, loaded = sequencer.load, sequencer.loaded
    for name in ("phase_x", "phase_p", "phase_theta"):
        with m.If(load[name]):
            m.d.sync += getattr(sequencer, name).eq(loaded)
    stop_at_low, timestep_low = Signal(WORD_BITS), Signal(WORD_BITS)
    for held, strobe in ((stop_at_low, load.stop_at_low), (timestep_low, load.timestep_low)):
        with m.If(strobe):
            m.d.sync += held.eq(loaded)
    with m.If(load.stop_at_high):
        m.d.sync += sequencer.stop_at.eq(Cat(stop_at_low, loaded))
    with m.If(load.timestep_high):
        timestep = Cat(timestep_low, loaded)
        m.d.sync += [sequencer.timestep.eq(timestep), sequencer.stop_at.eq(timestep)]

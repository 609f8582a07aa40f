"""The scan ring's controller: the host's access to the state of every synapse."""

from amaranth.hdl import Assert, Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from pmgd.gateware.broadcast import ScanSignature
from pmgd.gateware.bus import TargetSignature
from pmgd.gateware.frames import Status
from pmgd.gateware.layout import WORD_BITS, ScanLayout

__all__ = ["Scan"]


class Scan(wiring.Component):
    """Rotates the ring of all synapses' state to the word that is wanted.

    Every access turns the ring by whole words until the wanted one has passed: 32 cycles a word and
    two, and one word for accesses in sequence. A word that is read goes in again as it came out.
    The ring must be home, word 0 first, before the fabric runs.

    Parameters
    ----------
    layout
        What the ring holds.

    Members
    -------
    target
        The accesses, by word.
    home, homed
        Turn the ring home, and whether it is.
    ring
        The synapses' part of the ring.
    shifts
        The ring will shift in the next cycle. A register, since all synapses hear it.
    written
        For one cycle: state has changed.
    """

    def __init__(self, layout: ScanLayout) -> None:
        self._layout = layout
        super().__init__(
            {
                "target": In(TargetSignature()),
                "home": In(1),
                "homed": Out(1),
                "ring": Out(ScanSignature()),
                "shifts": Out(1),
                "written": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        last = self._layout.words - 1
        # Turned by this many words; the word at the exit.
        position = Signal(range(self._layout.words))
        bit = Signal(range(WORD_BITS))
        word = Signal(WORD_BITS)
        wanted = Signal()
        # Whether that word is the access's, found out in the cycle before.
        matches = Signal()
        at_wanted = wanted & matches
        arrives = at_wanted | (~wanted & (position == last))
        following = Mux(position == last, 0, position + 1)

        entering = Mux(
            at_wanted & self.target.write, self.target.data.bit_select(bit, 1), self.ring.output
        )
        # Zeros after the last synapse fill the last word.
        padding = Signal(self._layout.padding_bits)
        with m.If(self.ring.shift):
            m.d.sync += padding.eq(Cat(padding, entering)[1:])
        m.d.comb += [
            self.ring.input.eq(padding[0] if len(padding) else entering),
            self.homed.eq(position == 0),
            self.target.value.eq(word),
            self.target.status.eq(Status.OK),
        ]

        m.d.sync += self.shifts.eq(0)
        with m.FSM() as fsm:
            with m.State("IDLE"):
                m.d.sync += [
                    wanted.eq(self.target.strobe),
                    matches.eq(position == self.target.offset),
                ]
                with m.If(self.target.strobe | (self.home & ~self.homed)):
                    m.d.sync += self.shifts.eq(1)
                    m.next = "LEAD"
            with m.State("LEAD"):
                m.d.sync += self.shifts.eq(1)
                m.next = "TURN"
            with m.State("TURN"):
                m.d.comb += self.ring.shift.eq(1)
                m.d.sync += self.shifts.eq(~(arrives & bit[1:].all()))
                m.d.sync += [bit.eq(bit + 1), word.eq(Cat(word[1:], self.ring.output))]
                with m.If(bit == WORD_BITS - 1):
                    m.d.sync += [
                        position.eq(following),
                        matches.eq(following == self.target.offset),
                    ]
                    with m.If(arrives):
                        m.next = "IDLE"
                    with m.If(at_wanted):
                        m.next = "DONE"
            with m.State("DONE"):
                m.d.comb += [self.target.done.eq(1), self.written.eq(self.target.write)]
                m.next = "IDLE"

        m.d.sync += Assert(position <= last, "the ring has no more words")
        with m.If(fsm.ongoing("TURN")):
            m.d.sync += Assert(wanted | (self.home & ~self.homed), "the ring turns to some end")
        with m.Else():
            m.d.sync += Assert(bit == 0, "the ring stands between two words")
        return m

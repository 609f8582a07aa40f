"""The sample memory."""

from amaranth.hdl import Cat, Module, Signal, unsigned
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from pmgd.gateware.bus import TargetSignature
from pmgd.gateware.frames import Status
from pmgd.gateware.layout import WORD_BITS, SampleLayout

__all__ = ["Samples"]


class Samples(wiring.Component):
    """Holds the training samples, packed; one read port serves training and the host.

    Latency: one cycle from `fetch` to `sample`, which then stays until the next fetch or the
    host's next access.

    Parameters
    ----------
    layout
        How a sample is packed, and how many there are.

    Members
    -------
    target
        The host's accesses, to words that exist.
    index, fetch
        Present the sample of this index.
    sample
        The sample.
    written
        For one cycle: a sample has changed.
    """

    def __init__(self, layout: SampleLayout) -> None:
        self._layout = layout
        super().__init__(
            {
                "target": In(TargetSignature()),
                "index": In(unsigned(layout.index_bits)),
                "fetch": In(1),
                "sample": Out(unsigned(layout.bits)),
                "written": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        layout, target = self._layout, self.target
        stride_shift = layout.stride.bit_length() - 1
        word = target.offset[:stride_shift]
        index = target.offset[stride_shift:]
        answering = Signal()
        m.d.sync += answering.eq(target.strobe)
        m.d.comb += [
            target.done.eq(answering),
            target.status.eq(Status.OK),
            self.written.eq(target.strobe & target.write),
        ]
        parts = []
        # A memory for each word, so that words can be written one by one.
        for k in range(layout.words):
            width = min(WORD_BITS, layout.bits - k * WORD_BITS)
            # In registers, a small memory would take more of a small device than several neurons.
            attrs = {"ram_style": "block"}
            memory = Memory(shape=unsigned(width), depth=layout.samples, init=[], attrs=attrs)
            m.submodules[f"word_{k}"] = memory
            write, read = memory.write_port(), memory.read_port()
            selected = word == k
            m.d.comb += [
                write.addr.eq(index),
                write.data.eq(target.data),
                write.en.eq(target.strobe & target.write & selected),
                read.addr.eq(self.index),
                read.en.eq(self.fetch | target.strobe),
            ]
            with m.If(target.strobe):
                m.d.comb += read.addr.eq(index)
            with m.If(selected):
                m.d.comb += target.value.eq(read.data)
            parts.append(read.data)
        m.d.comb += self.sample.eq(Cat(*parts))
        return m

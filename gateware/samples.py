"""The sample memory."""

from amaranth.hdl import Array, Cat, Module, Mux, Signal, unsigned
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from pmgd.gateware.attributes import OUTPUT_REGISTER
from pmgd.gateware.bus import TargetSignature
from pmgd.gateware.cell_limits import BIT_ROWS
from pmgd.gateware.frames import Status
from pmgd.gateware.latency import FETCH_CYCLES
from pmgd.gateware.layout import WORD_BITS, SampleLayout
from pmgd.gateware.primitives import family
from pmgd.gateware.replica import replica
from pmgd.gateware.wave import delay

__all__ = ["Samples"]


class Samples(wiring.Component):
    """Holds the training samples, packed; one read port serves training and the host.

    Latency: `pmgd.gateware.latency.FETCH_CYCLES` from `fetch` to `sample`, which then stays until
    the next fetch or the host's next access. A sample may be fetched every cycle.

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
        read = Signal(WORD_BITS)
        # One cycle more, to choose a word.
        m.d.sync += target.value.eq(read)
        m.d.comb += [
            target.done.eq(delay(m, target.strobe, FETCH_CYCLES + 1, "answering")),
            target.status.eq(Status.OK),
            self.written.eq(target.strobe & target.write),
        ]
        address, reads = Signal(layout.index_bits), Signal()
        m.d.comb += [
            address.eq(Mux(target.strobe, target.offset[stride_shift:], self.index)),
            reads.eq(self.fetch | target.strobe),
        ]
        parts = []
        # A memory for each word, so that words can be written one by one.
        for k in range(layout.words):
            width = min(WORD_BITS, layout.bits - k * WORD_BITS)
            selected = word == k
            writes = Signal(name=f"writes_{k}")
            m.d.comb += writes.eq(self.written & selected)
            part = self._memory(m, platform, k, width, address, reads, writes)
            with m.If(selected):
                m.d.comb += read.eq(part)
            parts.append(part)
        m.d.comb += self.sample.eq(Cat(*parts))
        return m

    def _memory(self, m: Module, platform, k: int, width: int, address, reads, writes):
        """Make the memory of one word; return what is read."""
        depth = self._layout.samples
        # A deep memory is many blocks, far from each other and from what reads them.
        scattered = family(platform) == "ecp5" and depth > BIT_ROWS
        group = 1 if scattered else width
        rows = BIT_ROWS if scattered else depth
        read = []
        for first in range(0, width, group):
            bits = min(group, width - first)
            name = f"{k}_{first}" if scattered else f"{k}"
            # The address stays, and so does what is read: a block needs no enable.
            at = replica(address.shape(), f"address_{name}")
            write = replica(1, f"write_{name}")
            data = Signal(bits, name=f"data_{name}")
            with m.If(reads | writes):
                m.d.sync += at.eq(address)
            m.d.sync += [write.eq(writes), data.eq(self.target.data[first : first + bits])]
            blocks = []
            for number in range(-(-depth // rows)):
                memory = Memory(
                    shape=unsigned(bits),
                    depth=min(rows, depth - number * rows),
                    init=[],
                    # In registers, a small memory would take more of a small device than several
                    # neurons.
                    attrs={"ram_style": "block"},
                )
                m.submodules[f"word_{name}_{number}" if scattered else f"word_{name}"] = memory
                write_port, read_port = memory.write_port(), memory.read_port()
                chosen = at[BIT_ROWS.bit_length() - 1 :] == number if scattered else 1
                register = Signal(
                    bits,
                    name=f"read_{name}_{number}",
                    reset_less=True,
                    attrs={OUTPUT_REGISTER: "yes"} if scattered else {},
                )
                m.d.comb += [
                    write_port.addr.eq(at),
                    write_port.data.eq(data),
                    write_port.en.eq(write & chosen),
                    read_port.addr.eq(at),
                    read_port.en.eq(1),
                ]
                m.d.sync += register.eq(read_port.data)
                blocks.append(register)
            read.append(self._chosen(m, at, blocks, name))
        return Cat(*read)

    def _chosen(self, m: Module, at, blocks, name: str):
        """Return what the block gave that was read."""
        if len(blocks) == 1:
            return blocks[0]
        # As late as what they gave.
        number = delay(m, at[BIT_ROWS.bit_length() - 1 :], 2, f"number_{name}")
        return Array(blocks)[number]

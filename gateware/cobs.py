"""Consistent overhead byte stuffing (Cheshire and Baker 1999), one byte a cycle.

The hardware twin of `pmgd.gateware.frames.cobs_encode` and `cobs_decode`: a frame on the wire has
no zero byte, so a zero always ends one, whatever came before.
"""

from amaranth.hdl import Assert, Module, Mux, Signal, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from pmgd.gateware.frames import MAX_ENCODED_BYTES

__all__ = ["CobsDecoder", "CobsEncoder", "FrameByteLayout", "TokenLayout"]

MAX_BYTES = MAX_ENCODED_BYTES - 1
"""Bytes of the longest frame, which is also the longest that an encoder's memory can hold."""

TokenLayout = data.StructLayout({"data": unsigned(8), "index": unsigned(8), "end": 1, "damaged": 1})
"""A decoded byte and its place in the frame. Or, with `end`, the end of a frame of `index` bytes,
which is not to be used if `damaged`: it was too long, or ended within a block."""

FrameByteLayout = data.StructLayout({"data": unsigned(8), "last": 1})
"""A byte of a frame to encode; `last` with the frame's last."""


class CobsDecoder(wiring.Component):
    """Takes frames out of a stream of bytes, in no memory.

    Each byte gives at most one token, combinationally: a block's first byte gives the zero between
    it and the block before, a delimiter the end. Empty frames give nothing. No frame gives more
    than 253 bytes. After a damaged frame, the next delimiter is a fresh start.

    Members
    -------
    i
        Bytes from the wire.
    o
        Tokens, see `TokenLayout`; a token is given in the cycle in which its byte is taken.
    """

    i: In(stream.Signature(8))
    o: Out(stream.Signature(TokenLayout))

    def elaborate(self, platform):
        m = Module()
        inside = Signal()
        left = Signal(8)  # bytes to come before the next block
        index = Signal(8)  # bytes given; one more than MAX_BYTES if the frame is too long

        byte, token = self.i.payload, self.o.payload
        delimiter = byte == 0
        begins_block = left == 0
        m.d.comb += [
            token.data.eq(Mux(begins_block, 0, byte)),
            token.index.eq(index),
            token.end.eq(delimiter),
            token.damaged.eq(~begins_block | (index > MAX_BYTES)),
            # The byte that begins a frame gives nothing, nor does the delimiter of an empty one.
            self.o.valid.eq(self.i.valid & inside & (delimiter | (index < MAX_BYTES))),
            self.i.ready.eq(self.o.ready),
        ]
        with m.If(self.i.valid & self.i.ready):
            with m.If(delimiter):
                m.d.sync += [inside.eq(0), left.eq(0), index.eq(0)]
            with m.Else():
                m.d.sync += [inside.eq(1), left.eq(Mux(begins_block, byte, left) - 1)]
                with m.If(inside & (index <= MAX_BYTES)):
                    m.d.sync += index.eq(index + 1)
        m.d.sync += [
            Assert(inside | ((left == 0) & (index == 0)), "a frame must start afresh"),
            Assert(index <= MAX_BYTES + 1, "the index must not wrap"),
        ]
        return m


class CobsEncoder(wiring.Component):
    """Encodes frames of 1 to 253 bytes and ends each with a zero byte.

    A frame is collected in a memory, where a zero turns into the distance from the zero before;
    then it is sent. A longer frame is cut after 253 bytes, never overrunning the memory.

    Latency: four cycles from the last byte taken to the first one given. Throughput: n bytes take
    3 n + 4 cycles, collecting and sending in turn.

    Members
    -------
    i
        Bytes of a frame, see `FrameByteLayout`; held off while a frame is being sent.
    o
        Bytes to the wire.
    """

    i: In(stream.Signature(FrameByteLayout))
    o: Out(stream.Signature(8))

    def elaborate(self, platform):
        m = Module()
        m.submodules.frame = frame = Memory(shape=8, depth=256, init=[])
        write, read = frame.write_port(), frame.read_port()

        code = Signal(8)  # where the distance to the next zero goes
        end = Signal(8, init=1)  # where the next byte goes
        following = Signal(8)  # the byte to read next
        m.d.comb += [
            write.addr.eq(end),
            read.addr.eq(following),
            read.en.eq(0),
            self.o.payload.eq(read.data),
        ]
        with m.If(read.en):
            m.d.sync += following.eq(following + 1)

        # A register, since those who make the bytes, and wait for the answer, are slow already.
        byte, held = Signal(FrameByteLayout), Signal()
        m.d.sync += held.eq(0)
        with m.FSM() as fsm:
            with m.State("COLLECT"):
                m.d.comb += [self.i.ready.eq(~held), write.en.eq(held)]
                m.d.sync += [byte.eq(self.i.payload), held.eq(self.i.valid & self.i.ready)]
                with m.If(byte.data == 0):
                    m.d.comb += [write.addr.eq(code), write.data.eq(end - code)]
                with m.Else():
                    m.d.comb += write.data.eq(byte.data)
                with m.If(held):
                    m.d.sync += end.eq(end + 1)
                    with m.If(byte.data == 0):
                        m.d.sync += code.eq(end)
                    with m.If(byte.last | (end == MAX_BYTES)):
                        m.next = "CLOSE"
            with m.State("CLOSE"):
                m.d.comb += [write.en.eq(1), write.addr.eq(code), write.data.eq(end - code)]
                m.next = "DELIMIT"
            with m.State("DELIMIT"):
                m.d.comb += [write.en.eq(1), write.data.eq(0), read.en.eq(1)]
                m.next = "SEND"
            with m.State("SEND"):
                m.d.comb += [self.o.valid.eq(1), read.en.eq(self.o.ready)]
                with m.If(self.o.ready & (following > end)):
                    m.d.sync += [code.eq(0), end.eq(1), following.eq(0)]
                    m.next = "COLLECT"

        longest = Mux(fsm.ongoing("COLLECT"), MAX_BYTES, MAX_BYTES + 1)
        m.d.sync += Assert((code < end) & (end <= longest), "a frame must stay in its memory")
        with m.If(fsm.ongoing("SEND")):
            sending = (following > 0) & (following <= end + 1)
            m.d.sync += Assert(sending, "nothing but what was written may be sent")
        with m.Else():
            m.d.sync += Assert(following == 0, "a frame must be sent from its first byte")
        return m

"""The link: frames in, accesses to the word bus, frames out."""

from amaranth.hdl import Assert, Cat, Module, Mux, Signal, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.crc.catalog import CRC32_ISO_HDLC
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from pmgd.gateware.bus import BusSignature
from pmgd.gateware.cobs import CobsDecoder, CobsEncoder
from pmgd.gateware.frames import (
    CRC_BYTES,
    MAX_WORDS,
    REQUEST_HEADER,
    Operation,
    Status,
)

__all__ = ["Link"]

HeaderLayout = data.StructLayout(
    {
        "sequence": unsigned(8),
        "operation": unsigned(8),
        "count": unsigned(8),
        "address": unsigned(32),
    }
)
"""A request's first bytes, as `pmgd.gateware.frames` packs them."""


class Link(wiring.Component):
    """Answers requests, in the protocol of `pmgd.gateware.frames`.

    A request is buffered whole, and nothing of it is executed before its length and CRC are found
    right. Then its words are accessed in order. The first status other than OK ends the request and
    is the reply's, which then has no words; `Status.BAD_OPERATION` is the link's own. A frame that
    is damaged, too long, or whose length does not fit its operation and count, is dropped and
    counted. Empty frames are neither answered nor counted.

    Latency: from a request's delimiter to its reply's first byte, 19 cycles, and 15 more for each
    word read or 11 for each word written, if the bus takes a request at once and responds in the
    next cycle. Throughput: bytes are taken one a cycle, also while a reply is being sent, but not
    while a request is executed or its reply collected.

    Members
    -------
    rx
        Bytes from the wire.
    tx
        Bytes to the wire.
    bus
        What requests access.
    errors
        Frames dropped since reset; stays at its maximum.
    """

    rx: In(stream.Signature(8))
    tx: Out(stream.Signature(8))
    bus: Out(BusSignature())
    errors: Out(unsigned(16))

    def elaborate(self, platform):
        m = Module()
        m.submodules.decoder = decoder = CobsDecoder()
        m.submodules.encoder = encoder = CobsEncoder()
        m.submodules.crc = crc = CRC32_ISO_HDLC().create()
        m.submodules.buffer = buffer = Memory(shape=8, depth=256, init=[])
        write, read = buffer.write_port(), buffer.read_port()
        wiring.connect(m, wiring.flipped(self.rx), decoder.i)
        wiring.connect(m, encoder.o, wiring.flipped(self.tx))

        header = Signal(HeaderLayout)  # of a request; then its address and count are what is left
        status = Signal(Status)
        length = Signal(8)  # bytes of the reply's words in the buffer
        following = Signal(8)  # the byte of the buffer to read next
        word = Signal(32)
        byte = Signal(2)  # of a word or a CRC
        received = Signal(8)  # bytes of the request
        intact = Signal()  # and whether they are as they were sent
        writes = Signal()
        countable = Signal()  # a request may have so many words
        due = Signal(range(REQUEST_HEADER.size + CRC_BYTES + 4 * MAX_WORDS + 1))  # its bytes, then
        # A byte from the buffer, two cycles after it was asked for: blocks of memory are slow.
        given = Signal(8)
        waited = Signal()  # one of them
        checked = Signal(8)  # the byte that the CRC takes up, if
        checks = Signal()
        restarts = Signal()

        token, reply = decoder.o.payload, encoder.i.payload
        m.d.sync += [given.eq(read.data), writes.eq(header.operation == Operation.WRITE)]
        m.d.comb += [
            self.bus.request.payload.write.eq(writes),
            self.bus.request.payload.address.eq(header.address),
            self.bus.request.payload.data.eq(word),
            write.addr.eq(length),
            write.data.eq(word[:8]),
            read.addr.eq(following),
            read.en.eq(0),
            checked.eq(reply.data),
        ]
        # A register, since it takes long to choose a byte, and as long to take it up.
        m.d.sync += [crc.data.eq(checked), crc.valid.eq(checks), crc.start.eq(restarts)]
        with m.If(read.en):
            m.d.sync += following.eq(following + 1)

        with m.FSM() as fsm:
            with m.State("RECEIVE"):
                m.d.comb += [
                    decoder.o.ready.eq(1),
                    write.addr.eq(token.index),
                    write.data.eq(token.data),
                    checked.eq(token.data),
                ]
                with m.If(decoder.o.valid & ~token.end):
                    m.d.comb += [write.en.eq(1), checks.eq(1)]
                    with m.If(token.index < REQUEST_HEADER.size):
                        m.d.sync += header.eq(Cat(header.as_value()[8:], token.data))
                with m.If(decoder.o.valid & token.end):
                    m.d.comb += restarts.eq(1)
                    m.d.sync += [received.eq(token.index), intact.eq(~token.damaged)]
                    m.next = "MEASURE"
            with m.State("MEASURE"):
                m.d.sync += [
                    intact.eq(intact & crc.match_detected),
                    due.eq(REQUEST_HEADER.size + CRC_BYTES + Mux(writes, header.count << 2, 0)),
                    countable.eq(header.count <= MAX_WORDS),
                ]
                m.next = "CHECK"
            with m.State("CHECK"):
                unknown = header.operation > max(Operation)
                m.d.sync += [
                    following.eq(REQUEST_HEADER.size),
                    status.eq(Mux(unknown, Status.BAD_OPERATION, Status.OK)),
                ]
                m.next = "RECEIVE"
                with m.If(countable & (received == due) & intact):
                    m.next = "FETCH"
                with m.Elif(~self.errors.all()):
                    m.d.sync += self.errors.eq(self.errors + 1)
            with m.State("FETCH"):
                m.d.comb += read.en.eq(1)
                m.next = "NEXT"
            with m.State("NEXT"):
                with m.If((header.count == 0) | (status != Status.OK)):
                    m.d.sync += following.eq(0)
                    m.next = "SEQUENCE"
                with m.Elif(writes):
                    m.next = "LOAD"
                with m.Else():
                    m.next = "REQUEST"
            with m.State("LOAD"):
                m.d.sync += waited.eq(~waited)
                with m.If(waited):
                    m.d.comb += read.en.eq(1)
                    m.d.sync += [word.eq(Cat(word[8:], given)), byte.eq(byte + 1)]
                    with m.If(byte == 3):
                        m.next = "REQUEST"
            with m.State("REQUEST"):
                m.d.comb += self.bus.request.valid.eq(1)
                with m.If(self.bus.request.ready):
                    m.next = "RESPONSE"
            with m.State("RESPONSE"):
                m.d.comb += self.bus.response.ready.eq(1)
                with m.If(self.bus.response.valid):
                    m.d.sync += [
                        header.address.eq(header.address + 1),
                        header.count.eq(header.count - 1),
                        status.eq(self.bus.response.payload.status),
                        word.eq(self.bus.response.payload.data),
                    ]
                    with m.If(self.bus.response.payload.status != Status.OK):
                        m.d.sync += length.eq(0)
                        m.next = "NEXT"
                    with m.Elif(writes):
                        m.next = "NEXT"
                    with m.Else():
                        m.next = "STORE"
            with m.State("STORE"):
                m.d.comb += write.en.eq(1)
                m.d.sync += [
                    word.eq(Cat(word[8:], given)),
                    byte.eq(byte + 1),
                    length.eq(length + 1),
                ]
                with m.If(byte == 3):
                    m.next = "NEXT"
            with m.State("SEQUENCE"):
                m.d.comb += [encoder.i.valid.eq(1), reply.data.eq(header.sequence)]
                with m.If(encoder.i.ready):
                    m.d.comb += checks.eq(1)
                    m.next = "STATUS"
            with m.State("STATUS"):
                m.d.comb += [encoder.i.valid.eq(1), reply.data.eq(status)]
                with m.If(encoder.i.ready):
                    m.d.comb += [checks.eq(1), read.en.eq(1)]
                    with m.If(length == 0):
                        m.next = "SETTLE"
                    with m.Else():
                        m.next = "WORDS"
            with m.State("WORDS"):
                m.d.comb += [encoder.i.valid.eq(waited), reply.data.eq(given)]
                with m.If(~waited):
                    m.d.sync += waited.eq(1)
                with m.Elif(encoder.i.ready):
                    m.d.comb += [checks.eq(1), read.en.eq(1)]
                    m.d.sync += waited.eq(0)
                    with m.If(following == length):
                        m.next = "SETTLE"
            with m.State("SETTLE"):
                m.next = "CRC"
            with m.State("CRC"):
                m.d.comb += [
                    encoder.i.valid.eq(1),
                    reply.data.eq(crc.crc.word_select(byte, 8)),
                    reply.last.eq(byte == CRC_BYTES - 1),
                ]
                with m.If(encoder.i.ready):
                    m.d.sync += byte.eq(byte + 1)
                    with m.If(reply.last):
                        m.d.comb += restarts.eq(1)
                        m.d.sync += length.eq(0)
                        m.next = "RECEIVE"

        by_bytes = fsm.ongoing("LOAD") | fsm.ongoing("STORE") | fsm.ongoing("CRC")
        m.d.sync += Assert(by_bytes | (byte == 0), "a word must have four bytes")
        receiving = fsm.ongoing("RECEIVE") | fsm.ongoing("MEASURE") | fsm.ongoing("CHECK")
        with m.If(receiving):
            m.d.sync += Assert(length == 0, "a request must find the buffer free")
        with m.Else():
            to_come = (header.count << 2) + Mux(fsm.ongoing("STORE"), 4 - byte, 0)
            m.d.sync += Assert(length + to_come <= 4 * MAX_WORDS, "a reply must fit a frame")
        with m.If(fsm.ongoing("LOAD") | fsm.ongoing("REQUEST") | fsm.ongoing("RESPONSE")):
            m.d.sync += Assert(header.count > 0, "no more than was asked for may be accessed")
        with m.If(fsm.ongoing("SEQUENCE") | fsm.ongoing("STATUS")):
            m.d.sync += Assert(following == 0, "words must be sent from the first")
        with m.If(fsm.ongoing("WORDS")):
            sending = (following > 0) & (following <= length)
            m.d.sync += Assert(sending, "nothing but what was read may be sent")
        return m

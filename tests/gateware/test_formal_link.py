import pytest
from amaranth.hdl import Array, Assert, Assume, Cover, Module, Signal
from amaranth.lib import wiring
from formal import inputs, prove, stream_rules

from pmgd.gateware.cobs import MAX_BYTES, CobsDecoder, CobsEncoder
from pmgd.gateware.link import Link


def test_decoder_counts_the_bytes_of_a_frame_and_gives_no_more_than_fit(tmp_path):
    m = Module()
    m.submodules.decoder = decoder = CobsDecoder()
    stream_rules(m, decoder.i, Assume)
    stream_rules(m, decoder.o, Assert)
    token, given = decoder.o.payload, Signal(8)
    with m.If(decoder.o.valid):
        with m.If(token.end):
            m.d.comb += Assert(token.damaged | (token.index == given))
        with m.Else():
            m.d.comb += Assert((token.index == given) & (token.index < MAX_BYTES))
        with m.If(decoder.o.ready):
            with m.If(token.end):
                m.d.sync += given.eq(0)
            with m.Else():
                m.d.sync += given.eq(given + 1)
    ports = [*inputs(decoder)]
    # Ties the count to what it counts; without it, induction would begin anywhere.
    restarted = Signal(init=1)
    with m.If(decoder.i.valid & decoder.i.ready):
        m.d.sync += restarted.eq(decoder.i.payload == 0)
    with m.If(restarted):
        m.d.comb += Assert(given == 0)
    prove(m, ports, folder=tmp_path, depth=2)


def test_encoder_stays_in_its_memory_and_obeys_stream_rules(tmp_path):
    m = Module()
    m.submodules.encoder = encoder = CobsEncoder()
    stream_rules(m, encoder.o, Assert)
    prove(m, inputs(encoder), folder=tmp_path, depth=2)


def round_trip(longest):
    """Return an encoder wired to a decoder, and how frames go in; its assertions: out they come."""
    m = Module()
    m.submodules.encoder = encoder = CobsEncoder()
    m.submodules.decoder = decoder = CobsDecoder()
    wiring.connect(m, encoder.o, decoder.i)
    length = Signal(range(longest + 1))
    sent = Array(Signal(8, name=f"sent{index}") for index in range(longest))
    m.d.comb += Assume(encoder.i.payload.last | (length < longest - 1))
    with m.If(encoder.i.valid & encoder.i.ready):
        m.d.sync += [sent[length].eq(encoder.i.payload.data), length.eq(length + 1)]
    token = decoder.o.payload
    with m.If(decoder.o.valid):
        with m.If(token.end):
            m.d.comb += Assert(~token.damaged & (token.index == length))
            with m.If(decoder.o.ready):
                m.d.sync += length.eq(0)
        with m.Else():
            m.d.comb += Assert((token.index < length) & (token.data == sent[token.index]))
    return m, encoder, decoder


def test_short_frames_come_back(tmp_path):
    m, encoder, decoder = round_trip(longest=3)
    # Two frames of three bytes, or one and stalls: 3 + 2 + 5 cycles each.
    ports = [*inputs(encoder)[:2], decoder.o.ready]
    prove(m, ports, folder=tmp_path, depth=22, mode="bmc")


def test_round_trip_is_not_vacuous(tmp_path):
    m, encoder, decoder = round_trip(longest=3)
    token = decoder.o.payload
    ends = decoder.o.valid & decoder.o.ready & token.end
    m.d.comb += Cover(ends & (token.index == 3), "a frame of three bytes comes back")
    m.d.comb += Cover(ends & (token.index == 1), "a frame of one byte comes back")
    ports = [*inputs(encoder)[:2], decoder.o.ready]
    prove(m, ports, folder=tmp_path, depth=14, mode="cover")


def test_link_stays_in_its_buffer_and_obeys_stream_rules(tmp_path):
    m = Module()
    m.submodules.link = link = Link()
    stream_rules(m, link.tx, Assert)
    stream_rules(m, link.bus.request, Assert)

    pending = Signal()
    with m.If(link.bus.request.valid & link.bus.request.ready):
        m.d.sync += pending.eq(1)
    with m.Elif(link.bus.response.valid & link.bus.response.ready):
        m.d.sync += pending.eq(0)
    m.d.comb += Assert(link.bus.response.ready == pending, "one access at a time")
    m.d.comb += Assert(~(link.rx.ready & (link.bus.request.valid | pending)), "frames wait")

    before = Signal.like(link.errors)
    m.d.sync += before.eq(link.errors)
    m.d.comb += Assert((link.errors == before) | (link.errors == before + 1), "never wraps")
    prove(m, inputs(link), folder=tmp_path, depth=2)


def test_link_is_not_idle_in_its_proof(tmp_path):
    m = Module()
    m.submodules.link = link = Link()
    m.d.comb += Cover(link.errors == 2)
    m.d.comb += Cover(link.bus.request.valid & link.bus.request.payload.write)
    prove(m, inputs(link), folder=tmp_path, depth=26, mode="cover")


@pytest.mark.parametrize("mode", ["bmc", "prove"])
def test_a_wrong_property_is_caught(tmp_path, mode):
    m = Module()
    m.submodules.encoder = encoder = CobsEncoder()
    with m.If(encoder.o.valid):
        m.d.comb += Assert(encoder.o.payload != 0, "no byte is zero, which the delimiter is")
    with pytest.raises(AssertionError, match="(?s)sby in .*failed assertion spec"):
        prove(m, inputs(encoder), folder=tmp_path, depth=8, mode=mode)


def test_a_stream_that_takes_back_its_offer_is_caught(tmp_path):
    m = Module()
    m.submodules.decoder = decoder = CobsDecoder()
    stream_rules(m, decoder.o, Assert)  # without the same of its input, from which it follows
    with pytest.raises(AssertionError, match="failed assertion spec"):
        prove(m, inputs(decoder), folder=tmp_path, depth=6, mode="bmc")


def test_a_cover_out_of_reach_is_caught(tmp_path):
    m = Module()
    m.submodules.encoder = encoder = CobsEncoder()
    m.d.comb += Cover(encoder.o.valid)
    with pytest.raises(AssertionError, match="unreached cover"):
        prove(m, inputs(encoder), folder=tmp_path, depth=3, mode="cover")


def test_nothing_to_prove_is_an_error(tmp_path):
    m = Module()
    m.submodules.encoder = encoder = CobsEncoder()
    with pytest.raises(AssertionError, match="in mode 'cover' needs a Cover, but there is none"):
        prove(m, inputs(encoder), folder=tmp_path, depth=2, mode="cover")

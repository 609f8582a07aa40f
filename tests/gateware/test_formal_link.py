import pytest
from amaranth.hdl import Assert, Assume, Cover, Module, Mux, Signal
from formal import inputs, prove, stream_rules

from pmgd.gateware.cobs import MAX_BYTES, CobsDecoder, CobsEncoder
from pmgd.gateware.link import Link


def test_decoder_counts_the_bytes_of_a_frame_and_gives_no_more_than_fit(tmp_path):
    m = Module()
    m.submodules.decoder = decoder = CobsDecoder()
    stream_rules(m, decoder.i, Assume)
    stream_rules(m, decoder.o, Assert)
    token, given = decoder.o.payload, Signal(8)
    with m.If(decoder.o.valid & decoder.o.ready):
        m.d.sync += given.eq(Mux(token.end, 0, given + 1))
    with m.If(decoder.o.valid & ~token.end):
        m.d.comb += Assert((token.index == given) & (given < MAX_BYTES))
    too_long = (given == MAX_BYTES) & (token.index == MAX_BYTES + 1)
    m.d.comb += Assert((token.index == given) | too_long)
    with m.If(decoder.o.valid & token.end & too_long):
        m.d.comb += Assert(token.damaged)
    prove(m, inputs(decoder), folder=tmp_path, depth=2)


def test_encoder_stays_in_its_memory_and_obeys_stream_rules(tmp_path):
    m = Module()
    m.submodules.encoder = encoder = CobsEncoder()
    stream_rules(m, encoder.o, Assert)
    prove(m, inputs(encoder), folder=tmp_path, depth=2)


def test_decoder_still_sees_frames_under_the_assumption(tmp_path):
    m = Module()
    m.submodules.decoder = decoder = CobsDecoder()
    stream_rules(m, decoder.i, Assume)
    token = decoder.o.payload
    ends = decoder.o.valid & decoder.o.ready & token.end
    m.d.comb += Cover(ends & (token.index == 2) & ~token.damaged)
    m.d.comb += Cover(ends & token.damaged)
    prove(m, inputs(decoder), folder=tmp_path, depth=8, mode="cover")


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


def test_a_wrong_property_is_caught_within_the_cycles_searched(tmp_path):
    m = Module()
    m.submodules.encoder = encoder = CobsEncoder()
    m.d.comb += Assert(~encoder.o.valid, "nothing is ever sent")
    with pytest.raises(AssertionError, match=r"(?s)sby in .*failed assertion spec"):
        prove(m, inputs(encoder), folder=tmp_path, depth=6, mode="bmc")


def test_a_wrong_property_is_caught_beyond_the_cycles_searched(tmp_path):
    m = Module()
    m.submodules.link = link = Link()
    m.d.comb += Assert(link.errors < 1000, "no more than 999 frames are damaged")
    with pytest.raises(AssertionError, match=r"(?s)pass for basecase.*FAIL for induction"):
        prove(m, inputs(link), folder=tmp_path, depth=2)


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

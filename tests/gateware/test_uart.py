import gc
import random
from itertools import chain

import pytest
from amaranth.hdl import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from pmgd.gateware.uart import MIN_DIVISOR, UartReceiver, UartTransmitter, baud_divisor
from pmgd.sim.testbench import receive, send, simulate

DIVISORS = [MIN_DIVISOR, 9, 25]
TELLING = bytes([0x00, 0xFF, 0x55, 0xAA, 0x01, 0x80, 0xFE, 0x7F, 0x00, 0x00, 0x96])
"""Bytes with few edges, with many, and with one in each place that is off first."""


def bits(data, stop=1):
    """The levels of bytes sent back to back."""
    return list(chain.from_iterable([0, *(byte >> k & 1 for k in range(8)), stop] for byte in data))


def sampled(levels, bit_cycles, phase=0.0):
    """The level in each clock cycle; edges lie where they lie, between two of them."""
    count = int(len(levels) * bit_cycles - phase)
    return [levels[int((cycle + phase) / bit_cycles)] for cycle in range(count)]


def hear(divisor, wave):
    """What a receiver makes of a wire, given its level in each cycle; then it idles for a byte."""
    receiver = UartReceiver(divisor)
    heard = bytearray()

    async def wire(ctx):
        ctx.set(receiver.bytes.ready, 1)
        for level in [*wave, *[1] * 11 * divisor]:
            ctx.set(receiver.wire, level)
            *_, valid, payload = await ctx.tick().sample(
                receiver.bytes.valid, receiver.bytes.payload
            )
            if valid:
                heard.append(payload)

    simulate(receiver, wire, deadline_cycles=len(wave) + 12 * divisor)
    return bytes(heard)


def speak(divisor, data):
    """The level in each cycle from the first start bit on, and then 3 bits of the idle wire."""
    transmitter = UartTransmitter(divisor)
    wave = []

    async def sender(ctx):
        assert ctx.get(transmitter.wire) == 1
        await send(ctx, transmitter.bytes, data)

    async def wire(ctx):
        await ctx.tick()
        for _ in range((10 * len(data) + 3) * divisor):
            wave.append(ctx.get(transmitter.wire))
            await ctx.tick()

    simulate(transmitter, sender, wire, deadline_cycles=(10 * len(data) + 5) * divisor)
    return wave


@pytest.mark.parametrize("divisor", DIVISORS)
def test_every_byte_is_heard(divisor):
    assert hear(divisor, sampled(bits(range(256)), divisor)) == bytes(range(256))


@pytest.mark.parametrize("divisor", DIVISORS)
def test_every_byte_is_spoken_and_each_bit_lasts_the_divisor(divisor):
    assert speak(divisor, range(256)) == sampled([*bits(range(256)), 1, 1, 1], divisor)


class Loop(wiring.Component):
    """A transmitter whose wire is a receiver's."""

    def __init__(self, divisor):
        self.transmitter = UartTransmitter(divisor)
        self.receiver = UartReceiver(divisor)
        byte = stream.Signature(8)
        super().__init__({"i": In(byte), "o": Out(byte)})

    def elaborate(self, platform):
        m = Module()
        m.submodules += [self.transmitter, self.receiver]
        connect(m, flipped(self.i), self.transmitter.bytes)
        connect(m, self.receiver.bytes, flipped(self.o))
        m.d.comb += self.receiver.wire.eq(self.transmitter.wire)
        return m


def test_bytes_with_pauses_come_through(random_seed):
    rng = random.Random(random_seed)
    loop = Loop(MIN_DIVISOR)
    data = [*range(256), *rng.choices(range(256), k=100)]
    heard = []

    async def sender(ctx):
        await send(ctx, loop.i, data, rng=rng, stall=0.95)

    async def receiver(ctx):
        heard.extend(await receive(ctx, loop.o, len(data), rng=random.Random(1), stall=0.9))

    simulate(loop, sender, receiver, deadline_cycles=200_000)
    assert heard == data, f"seed {random_seed}"


@pytest.mark.parametrize("divisor", DIVISORS)
@pytest.mark.parametrize("percent", [-3, -2, 2, 3])
@pytest.mark.parametrize("phase", [0.0, 0.3, 0.6, 0.9])
def test_a_sender_of_another_rate_is_understood(divisor, percent, phase):
    """Back to back: there is no pause in which a receiver could catch up."""
    wave = sampled(bits(TELLING), divisor / (1 + percent / 100), phase)
    assert hear(divisor, wave) == TELLING


@pytest.mark.parametrize("percent", [-8, 8])
def test_a_rate_beyond_tolerance_is_not(percent):
    """What the tests above are able to notice."""
    assert hear(25, sampled(bits(TELLING), 25 / (1 + percent / 100))) != TELLING


@pytest.mark.parametrize("divisor", DIVISORS)
def test_a_pulse_shorter_than_half_a_bit_is_no_start(divisor):
    for cycles in range(1, divisor // 2 + 1):
        wave = [0] * cycles + [1] * divisor + sampled(bits(b"\x5a"), divisor)
        assert hear(divisor, wave) == b"\x5a", f"after a pulse of {cycles} cycles"


@pytest.mark.parametrize("divisor", DIVISORS)
def test_a_byte_without_its_stop_bit_is_dropped(divisor):
    levels = [*bits(b"a"), *bits(b"b", stop=0), 1, *bits(b"c")]
    assert hear(divisor, sampled(levels, divisor)) == b"ac"


@pytest.mark.parametrize("length", [9, 10, 11, 35])
def test_a_break_is_no_byte(length):
    """It lasts longer than the zeros of a byte, and does not become several."""
    levels = [*bits(b"a"), *[0] * (length + 1), 1, *bits(b"b")]
    assert hear(MIN_DIVISOR, sampled(levels, MIN_DIVISOR)) == b"ab"


def test_a_byte_that_is_not_taken_gives_way_to_the_next():
    receiver = UartReceiver(MIN_DIVISOR)

    async def wire(ctx):
        for level in sampled([*bits(b"abc"), 1], MIN_DIVISOR):
            ctx.set(receiver.wire, level)
            await ctx.tick()
        assert await receive(ctx, receiver.bytes, 1) == [ord("c")]
        assert not ctx.get(receiver.bytes.valid)

    simulate(receiver, wire)


@pytest.mark.filterwarnings("ignore::amaranth.hdl.UnusedElaboratable")
@pytest.mark.parametrize("component", [UartReceiver, UartTransmitter])
def test_a_divisor_has_limits(component):
    with pytest.raises(ValueError, match="divisor must be at least 8, not 7"):
        component(7)
    with pytest.raises(TypeError, match="float"):
        component(8.0)
    gc.collect()  # while the complaint that what could not be made was not used is ignored


@pytest.mark.parametrize(
    ("clock_hz", "baud", "divisor"),
    [
        (25e6, 1_000_000, 25),
        (12e6, 1_000_000, 12),
        (12e6, 1_500_000, 8),
        (12e6, 115_200, 104),  # 0.16 % fast
        (25e6, 921_600, 27),  # 0.47 % fast
        (48e6, 9_600, 5_000),
    ],
)
def test_a_rate_becomes_cycles(clock_hz, baud, divisor):
    assert baud_divisor(clock_hz, baud) == divisor


@pytest.mark.parametrize("baud", [2_000_000, 0, -9_600])
def test_a_rate_out_of_range_is_refused(baud):
    with pytest.raises(ValueError, match="baud must be") as caught:
        baud_divisor(12e6, baud)
    assert str(caught.value) == f"baud must be from 1 to 1500000 for a clock of 12 MHz, not {baud}"


def test_a_rate_that_no_divisor_gives_is_refused():
    with pytest.raises(ValueError, match="baud must be") as caught:
        baud_divisor(12e6, 1_250_000)
    assert str(caught.value) == (
        "baud must be within 1.5% of a whole fraction of the clock of 12 MHz, not 1250000; choose "
        "1200000"
    )
    assert baud_divisor(12e6, 1_200_000) == 10

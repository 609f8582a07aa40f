import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pmgd.gateware.cobs import MAX_BYTES, CobsDecoder, CobsEncoder
from pmgd.gateware.frames import cobs_decode, cobs_encode
from pmgd.sim.testbench import receive, send, simulate


def encode(frames, *, seed=0, stall=0.0):
    """What an encoder makes of frames; it must be as many bytes as the codec's."""
    encoder = CobsEncoder()
    items = [
        {"data": byte, "last": index == len(frame) - 1}
        for frame in frames
        for index, byte in enumerate(frame)
    ]
    count = sum(len(frame) + 2 for frame in frames)
    encoded = bytearray()

    async def sender(ctx):
        await send(ctx, encoder.i, items, rng=random.Random(seed), stall=stall)

    async def receiver(ctx):
        encoded.extend(
            await receive(ctx, encoder.o, count, rng=random.Random(seed + 1), stall=stall)
        )
        for _ in range(4):
            await ctx.tick()
            assert not ctx.get(encoder.o.valid)

    cycles = (2 * count + 10 * len(frames) + 100) / (1 - stall) ** 2
    simulate(encoder, sender, receiver, deadline_cycles=2 * int(cycles))
    return bytes(encoded)


def decode(wire, *, seed=0, stall=0.0):
    """What a decoder makes of bytes: the frames, None for each damaged one."""
    decoder = CobsDecoder()
    frames = []

    async def sender(ctx):
        await send(ctx, decoder.i, wire, rng=random.Random(seed), stall=stall)

    async def receiver(ctx):
        frame = bytearray()
        while True:
            (token,) = await receive(ctx, decoder.o, 1, rng=rng, stall=stall)
            if not token.end:
                frame.append(token.data)
            else:
                frames.append(None if token.damaged else bytes(frame))
                frame.clear()

    rng = random.Random(seed + 1)
    cycles = (len(wire) + 100) / (1 - stall) ** 2
    simulate(decoder, sender, background=[receiver], deadline_cycles=2 * int(cycles))
    return frames


def expected(wire):
    frames = wire.split(b"\x00")[:-1]  # what follows the last delimiter is no frame yet
    return [cobs_decode(frame) for frame in frames if frame]


def random_frame(rng, length):
    zeros = rng.choice([0.0, 0.01, 0.5, 1.0])
    return bytes(0 if rng.random() < zeros else rng.randrange(1, 256) for _ in range(length))


def test_every_length():
    rng = random.Random(1)
    frames = [random_frame(rng, length) for length in range(1, MAX_BYTES + 1)]
    wire = b"".join(cobs_encode(frame) + b"\x00" for frame in frames)
    assert encode(frames) == wire
    assert decode(wire) == frames


@pytest.mark.parametrize("byte", [0, 1, 255])
def test_longest_runs(byte):
    frames = [bytes([byte]) * length for length in (1, 2, MAX_BYTES - 1, MAX_BYTES)]
    wire = b"".join(cobs_encode(frame) + b"\x00" for frame in frames)
    assert encode(frames) == wire
    assert decode(wire) == frames


@pytest.mark.parametrize("zeros", range(16))
def test_every_pattern_of_zeros(zeros):
    frame = bytes(0 if zeros >> index & 1 else index + 1 for index in range(4))
    assert encode([frame, frame]) == 2 * (cobs_encode(frame) + b"\x00")
    assert decode(cobs_encode(frame) + b"\x00") == [frame]


@pytest.mark.parametrize("seed", range(3))
def test_stalls(seed):
    rng = random.Random(seed)
    frames = [random_frame(rng, rng.randrange(1, 40)) for _ in range(12)]
    wire = b"".join(cobs_encode(frame) + b"\x00" for frame in frames)
    assert encode(frames, seed=seed, stall=0.4) == wire
    assert decode(wire, seed=seed, stall=0.4) == frames


@settings(deadline=None, max_examples=30)
@given(
    st.lists(st.lists(st.sampled_from([0, 1, 2, 255]), min_size=1, max_size=12), min_size=1),
    st.integers(0, 2**32),
    st.sampled_from([0.0, 0.3]),
)
def test_encoder_equals_codec(frames, seed, stall):
    frames = [bytes(frame) for frame in frames]
    wire = b"".join(cobs_encode(frame) + b"\x00" for frame in frames)
    assert encode(frames, seed=seed, stall=stall) == wire


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.one_of(st.sampled_from([0, 1, 2, 3, 255]), st.integers(0, 255))).map(bytes),
    st.integers(0, 2**32),
    st.sampled_from([0.0, 0.3]),
)
def test_decoder_equals_codec_on_garbage(wire, seed, stall):
    assert decode(wire, seed=seed, stall=stall) == expected(wire)


def test_decoder_starts_afresh_after_damage():
    good = cobs_encode(b"pmgd\x00") + b"\x00"
    longest = cobs_encode(bytes(MAX_BYTES)) + b"\x00"
    damaged = [
        b"\x01" + longest,  # one byte too long
        b"\x02\x07" * 300 + b"\x00",  # so long that eight bits do not count it
        bytes([255]) + bytes([9]) * 254 + b"\x00",  # a block longer than a frame
        bytes([254]) + bytes([9]) * 200 + b"\x00",  # ends within a block
        b"\x02\x00",
    ]
    wire = b"\x00\x00" + b"".join(frame + b"\x00" + good + longest for frame in damaged)
    frames = decode(wire)
    assert frames == expected(wire)
    assert frames == [None, b"pmgd\x00", bytes(MAX_BYTES)] * len(damaged)


def test_encoder_cuts_what_exceeds_its_memory():
    frame = bytes(range(1, 254)) + b"tail"
    encoder = CobsEncoder()
    items = [{"data": byte, "last": index == len(frame) - 1} for index, byte in enumerate(frame)]
    parts = [frame[:MAX_BYTES], frame[MAX_BYTES:]]
    wire = b"".join(cobs_encode(part) + b"\x00" for part in parts)

    async def sender(ctx):
        await send(ctx, encoder.i, items)

    async def receiver(ctx):
        assert bytes(await receive(ctx, encoder.o, len(wire))) == wire

    simulate(encoder, sender, receiver)


def test_encoder_timing():
    encoder = CobsEncoder()
    frame = b"abc\x00d"
    cycles = []

    async def sender(ctx):
        for _ in range(2):
            items = [{"data": byte, "last": index == 4} for index, byte in enumerate(frame)]
            await send(ctx, encoder.i, items)

    async def receiver(ctx):
        ctx.set(encoder.o.ready, 1)
        for cycle in range(2 * (3 * len(frame) + 4)):
            *_, valid = await ctx.tick().sample(encoder.o.valid)
            if valid:
                cycles.append(cycle)

    simulate(encoder, sender, receiver)
    # Taken in every second of the cycles 0 to 8, given from 4 cycles after; then the same again.
    first = [2 * (len(frame) - 1) + 4 + index for index in range(len(frame) + 2)]
    assert cycles == first + [cycle + 3 * len(frame) + 4 for cycle in first]


def test_a_wait_that_never_ends_is_named():
    async def starved(ctx):
        await receive(ctx, encoder.o, 1)

    encoder = CobsEncoder()
    with pytest.raises(TimeoutError, match="within 50 cycles, but these still wait: starved"):
        simulate(encoder, starved, deadline_cycles=50)

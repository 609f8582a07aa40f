import random
import struct
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pmgd.gateware.frames import (
    MAX_WORDS,
    Operation,
    Reply,
    Request,
    Status,
    cobs_encode,
    decode_reply,
    decode_request,
    encode_reply,
    encode_request,
)
from pmgd.gateware.link import Link
from pmgd.sim.testbench import receive, send, simulate

REFUSED = {address: Status(2 + address % 4) for address in range(0x40, 0x44)}
SENTINEL = encode_request(Request(0xEE, Operation.READ, 0, 1))


class Target:
    """What is on the bus: 64 words, then four addresses that refuse in as many ways."""

    def __init__(self):
        self.words = {address: 0x01000000 * address + 0x00FF0000 + address for address in range(64)}
        self.accesses = []

    def access(self, write, address, data):
        self.accesses.append((write, address, data if write else None))
        if address not in self.words:
            return REFUSED.get(address, Status.BAD_ADDRESS), 0xDEADBEEF
        if write:
            self.words[address] = data
        return Status.OK, self.words[address] if not write else 0xDEADBEEF

    def answer(self, request):
        """The reply that the protocol demands."""
        if request.operation not in list(Operation):
            return Reply(request.sequence, Status.BAD_OPERATION)
        write = request.operation == Operation.WRITE
        words = []
        for index in range(request.count):
            address = (request.address + index) & 0xFFFFFFFF
            status, word = self.access(write, address, request.words[index] if write else 0)
            if status != Status.OK:
                return Reply(request.sequence, status)
            words.append(word)
        return Reply(request.sequence, Status.OK, () if write else tuple(words))


def demanded(wire, target):
    """What the protocol demands: the bytes that come back, and the count of dropped frames."""
    replies, errors = [], 0
    for frame in filter(None, wire.split(b"\x00")):
        request = decode_request(frame)
        if request is None or request.count > MAX_WORDS:
            errors += 1
        else:
            replies.append(encode_reply(target.answer(request)))
    return b"".join(replies), errors


def check(wire, *, seed=0, stall=0.0, delay=0):
    """Require of a link, on a bus that takes up to `delay` cycles, what the protocol demands.

    A last request follows, so that a reply too many would come before its reply.
    """
    wire += b"\x00" + SENTINEL
    link, target, reference = Link(), Target(), Target()
    replies, errors = demanded(wire, reference)
    took, gave = bytearray(), []

    async def sender(ctx):
        await send(ctx, link.rx, wire, rng=random.Random(seed), stall=stall)
        gave.append(ctx.get(link.errors))

    async def receiver(ctx):
        rng = random.Random(seed + 1)
        took.extend(await receive(ctx, link.tx, len(replies), rng=rng, stall=stall))

    async def bus(ctx):
        rng = random.Random(seed + 2)
        while True:
            (access,) = await receive(ctx, link.bus.request, 1, rng=rng, stall=stall)
            for _ in range(rng.randrange(delay + 1)):
                await ctx.tick()
            status, data = target.access(access.write, access.address, access.data)
            response = {"status": status, "data": data}
            await send(ctx, link.bus.response, [response], rng=rng, stall=stall)

    accesses = len(reference.accesses)
    cycles = 200 + 2 * len(wire) + 3 * len(replies) + (10 + 2 * delay) * accesses
    simulate(
        link,
        sender,
        receiver,
        background=[bus],
        deadline_cycles=2 * int(cycles / (1 - stall) ** 2),
    )
    assert bytes(took) == replies
    assert gave == [errors]
    assert target.accesses == reference.accesses
    assert target.words == reference.words
    return [decode_reply(frame) for frame in replies.split(b"\x00")[:-2]], errors


def seal(body):
    return cobs_encode(body + struct.pack("<I", zlib.crc32(body))) + b"\x00"


def random_words(rng, count):
    return tuple(
        rng.choice([0, 0xFFFFFFFF, rng.getrandbits(32), rng.getrandbits(32) & 0xFF00FF00])
        for _ in range(count)
    )


@pytest.mark.parametrize("count", [0, 1, 2, 3, 31, MAX_WORDS - 1, MAX_WORDS])
def test_write_then_read(count):
    words = random_words(random.Random(count), count)
    wire = encode_request(Request(7, Operation.WRITE, 4, count, words))
    wire += encode_request(Request(8, Operation.READ, 4, count))
    replies, errors = check(wire)
    assert replies == [Reply(7, Status.OK), Reply(8, Status.OK, words)]
    assert errors == 0


@pytest.mark.parametrize("byte", [0x00, 0x01, 0xFF])
def test_payloads_of_one_byte(byte):
    words = (int.from_bytes(bytes([byte]) * 4, "little"),) * MAX_WORDS
    wire = encode_request(Request(byte, Operation.WRITE, 0, MAX_WORDS, words))
    replies, _ = check(wire + encode_request(Request(byte, Operation.READ, 0, MAX_WORDS)))
    assert replies[1] == Reply(byte, Status.OK, words)


@pytest.mark.parametrize("operation", [*Operation])
@pytest.mark.parametrize("refused", sorted(REFUSED))
def test_first_refusal_ends_a_request(operation, refused):
    words = tuple(range(100, 108)) if operation == Operation.WRITE else ()
    wire = encode_request(Request(9, operation, refused - 6, 8, words))
    replies, _ = check(wire + encode_request(Request(10, Operation.READ, refused, 8)))
    status = REFUSED[min(REFUSED)] if refused - 6 < 0x40 else REFUSED[refused]
    assert replies == [Reply(9, status), Reply(10, REFUSED[refused])]


@pytest.mark.parametrize("operation", [2, 3, 128, 255])
def test_bad_operation(operation):
    replies, errors = check(encode_request(Request(3, operation, 0, 1)) + b"\x00")
    assert replies == [Reply(3, Status.BAD_OPERATION)]
    assert errors == 0


@pytest.mark.parametrize(
    "body",
    [
        struct.pack("<BBBI", 1, Operation.READ, MAX_WORDS + 1, 0),
        struct.pack("<BBBI", 1, Operation.READ, 255, 0),
        struct.pack("<BBBI", 1, 2, MAX_WORDS + 1, 0),
        struct.pack("<BBBII", 1, Operation.READ, 1, 0, 0),
        struct.pack("<BBBII", 1, 2, 1, 0, 0),
        struct.pack("<BBBI", 1, Operation.WRITE, 1, 0),
        struct.pack("<BBBI", 1, Operation.WRITE, 64, 0),  # 4 * 64 is 0 in eight bits
        struct.pack("<BBBII", 1, Operation.WRITE, 65, 0, 0),
        struct.pack("<BBBIII", 1, Operation.WRITE, 1, 0, 0, 0),
        struct.pack("<BBBIB", 1, Operation.WRITE, 1, 0, 0),
        struct.pack("<BBB", 1, Operation.READ, 1),
        b"",
    ],
)
def test_length_must_fit(body):
    replies, errors = check(seal(body))
    assert replies == []
    assert errors == 1


@pytest.mark.parametrize("words", [61, 62, 100, 255])
def test_too_long(words):
    body = struct.pack(f"<BBBI{words}I", 1, Operation.WRITE, words, 0, *range(words))
    body += struct.pack("<I", zlib.crc32(body))
    frame = b"".join(bytes([len(run) + 1]) + run for run in body.split(b"\x00")) + b"\x00"
    # The same bytes twice, the second time without a delimiter between: still one frame.
    replies, errors = check(frame + frame[:-1] + frame)
    assert replies == []
    assert errors == 2


def test_every_flipped_bit_is_noticed():
    frame = encode_request(Request(5, Operation.WRITE, 2, 2, (0x11002233, 0x00445566)))
    bits = 8 * len(frame)
    flipped = [
        (int.from_bytes(frame, "little") ^ 1 << bit).to_bytes(len(frame), "little")
        for bit in range(bits)
    ]
    replies, errors = check(b"\x00".join(flipped))
    assert replies == []
    assert errors >= bits  # a byte that became zero makes two frames


def test_every_truncated_frame_is_noticed():
    frame = encode_request(Request(5, Operation.WRITE, 2, 2, (0x11002233, 0x00445566)))[:-1]
    parts = [frame[:end] for end in range(1, len(frame))]
    parts += [frame[begin:] for begin in range(1, len(frame))]
    replies, errors = check(b"\x00".join(parts))
    assert replies == []
    assert errors == len(parts)


@pytest.mark.parametrize("seed", range(4))
def test_back_to_back_with_stalls_and_a_slow_bus(seed):
    rng = random.Random(seed)
    wire = b""
    for sequence in range(12):
        count = rng.randrange(13)
        operation = rng.choice([*Operation])
        words = random_words(rng, count) if operation == Operation.WRITE else ()
        wire += encode_request(Request(sequence, operation, rng.randrange(66), count, words))
    replies, errors = check(wire, seed=seed, stall=rng.choice([0.0, 0.2, 0.5]), delay=9)
    assert [reply.sequence for reply in replies] == [*range(12)]
    assert errors == 0


REQUESTS = st.builds(
    lambda sequence, operation, address, count, seed: encode_request(
        Request(
            sequence,
            operation,
            address,
            count,
            random_words(random.Random(seed), count) if operation == Operation.WRITE else (),
        )
    ),
    st.integers(0, 255),
    st.sampled_from([Operation.READ, Operation.READ, Operation.WRITE, Operation.WRITE, 2]),
    st.one_of(st.integers(0, 70), st.sampled_from([0xFFFFFFFE, 0x01000000])),
    st.integers(0, 12),
    st.integers(0, 2**32),
)
GARBAGE = st.lists(st.sampled_from([0, 0, 1, 2, 3, 7, 254, 255]), max_size=12).map(bytes)
DAMAGED = st.builds(
    lambda frame, place, flip: bytes(
        byte ^ flip if index == place % len(frame) else byte for index, byte in enumerate(frame)
    ),
    REQUESTS,
    st.integers(0, 255),
    st.integers(1, 255),
)


@settings(deadline=None, max_examples=50)
@given(
    st.lists(st.one_of(REQUESTS, REQUESTS, GARBAGE, DAMAGED), max_size=6).map(b"".join),
    st.integers(0, 2**32),
    st.sampled_from([0.0, 0.3]),
    st.sampled_from([0, 3]),
)
def test_equals_codec(wire, seed, stall, delay):
    check(wire, seed=seed, stall=stall, delay=delay)


@pytest.mark.parametrize("words", [0, 1, MAX_WORDS])
@pytest.mark.parametrize(("operation", "per_word"), [(Operation.READ, 15), (Operation.WRITE, 11)])
def test_latency(operation, per_word, words):
    link = Link()
    payload = (1,) * words if operation == Operation.WRITE else ()
    wire = encode_request(Request(1, operation, 0, words, payload))
    cycles = []

    async def sender(ctx):
        await send(ctx, link.rx, wire)
        given = False
        while not given:
            *_, given = await ctx.tick().sample(link.tx.valid)
            cycles.append(given)

    async def bus(ctx):
        ctx.set(link.bus.request.ready, 1)
        ctx.set(link.bus.response.valid, 1)

    simulate(link, sender, background=[bus])
    assert len(cycles) == 19 + per_word * words


def test_bytes_are_held_off_until_a_reply_is_collected_but_not_while_it_is_sent():
    link = Link()
    wire = encode_request(Request(1, Operation.READ, 5, 1))

    async def sender(ctx):
        await send(ctx, link.rx, wire)
        ctx.set(link.rx.valid, 1)
        for _ in range(50):
            *_, ready = await ctx.tick().sample(link.rx.ready)
            assert not ready
        await receive(ctx, link.bus.request, 1)
        for _ in range(50):
            *_, ready = await ctx.tick().sample(link.rx.ready)
            assert not ready
        await send(ctx, link.bus.response, [{"status": Status.OK, "data": 0}])
        for _ in range(50):
            await ctx.tick()
        assert ctx.get(link.tx.valid)  # nobody takes it
        await send(ctx, link.rx, wire)
        assert not ctx.get(link.rx.ready)

    simulate(link, sender)

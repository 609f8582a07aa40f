"""The frame codec: what it writes it reads, and nothing else."""

import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pmgd.gateware.frames import (
    DELIMITER,
    MAX_ENCODED_BYTES,
    MAX_FRAME_BYTES,
    MAX_WORDS,
    Operation,
    Reply,
    Request,
    Status,
    cobs_decode,
    cobs_encode,
    decode_reply,
    decode_request,
    encode_reply,
    encode_request,
)

BYTE = st.integers(0, 255)
WORD = st.integers(0, (1 << 32) - 1) | st.sampled_from([0, 1, 0xFF000000])
WORDS = st.lists(WORD, max_size=MAX_WORDS).map(tuple)


@st.composite
def requests(draw: st.DrawFn) -> Request:
    if draw(st.booleans()):
        words = draw(WORDS)
        return Request(draw(BYTE), Operation.WRITE, draw(WORD), len(words), words)
    return Request(draw(BYTE), Operation.READ, draw(WORD), draw(BYTE))


REPLIES = st.builds(Reply, BYTE, BYTE, WORDS)


# -- COBS -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "encoded"),
    [
        ("", "01"),
        ("00", "01 01"),
        ("00 00", "01 01 01"),
        ("11 22 00 33", "03 11 22 02 33"),
        ("11 22 33 44", "05 11 22 33 44"),
        ("11 00 00 00", "02 11 01 01 01"),
    ],
)
def test_cobs_known_answers(data: str, encoded: str) -> None:
    assert cobs_encode(bytes.fromhex(data)) == bytes.fromhex(encoded)
    assert cobs_decode(bytes.fromhex(encoded)) == bytes.fromhex(data)


@given(data=st.binary(max_size=253) | st.lists(st.sampled_from([0, 1]), max_size=253).map(bytes))
def test_cobs_round_trip(data: bytes) -> None:
    encoded = cobs_encode(data)
    assert 0 not in encoded
    assert len(encoded) == len(data) + 1
    assert cobs_decode(encoded) == data


@given(data=st.binary(max_size=300) | st.lists(st.integers(0, 4), max_size=300).map(bytes))
def test_cobs_decodes_only_what_it_encodes(data: bytes) -> None:
    decoded = cobs_decode(data)
    assert decoded is None or cobs_encode(decoded) == data


def test_cobs_limits() -> None:
    longest = cobs_encode(b"\xff" * 253)
    assert len(longest) == MAX_ENCODED_BYTES
    assert cobs_decode(longest) == b"\xff" * 253
    with pytest.raises(ValueError, match=r"^a frame must have at most 253 bytes, not 254$"):
        cobs_encode(b"\xff" * 254)
    for bad in (b"", b"\x00", b"\x03\x01", b"\x03\x00\x01", b"\xff" * 255):
        assert cobs_decode(bad) is None


# -- Frames ---------------------------------------------------------------------------------------


def test_request_on_the_wire() -> None:
    """Byte by byte: the layout that the gateware implements."""
    body = bytes([7, 1, 2, 0x18, 0, 0, 0, 0x44, 0x33, 0x22, 0x11, 5, 0, 0, 0])
    body += struct.pack("<I", zlib.crc32(body))
    wire = encode_request(Request(7, Operation.WRITE, 0x18, 2, (0x11223344, 5)))
    assert wire == cobs_encode(body) + b"\x00"


def test_reply_on_the_wire() -> None:
    body = bytes([7, 0, 0x44, 0x33, 0x22, 0x11])
    body += struct.pack("<I", zlib.crc32(body))
    assert encode_reply(Reply(7, Status.OK, (0x11223344,))) == cobs_encode(body) + b"\x00"


def test_crc_known_answer() -> None:
    assert zlib.crc32(b"123456789") == 0xCBF43926  # that of Ethernet, as the gateware's


@given(request=requests())
def test_request_round_trip(request: Request) -> None:
    wire = encode_request(request)
    assert wire.count(DELIMITER) == 1
    assert wire.endswith(DELIMITER)
    assert decode_request(wire[:-1]) == request


@given(reply=REPLIES)
def test_reply_round_trip(reply: Reply) -> None:
    wire = encode_reply(reply)
    assert wire.count(DELIMITER) == 1
    assert wire.endswith(DELIMITER)
    assert decode_reply(wire[:-1]) == reply


def test_longest_frame_fits() -> None:
    request = Request(255, Operation.WRITE, 0xFFFFFFFF, MAX_WORDS, (0xFFFFFFFF,) * MAX_WORDS)
    wire = encode_request(request)
    assert len(wire) == MAX_FRAME_BYTES + 2 <= MAX_ENCODED_BYTES + 1
    assert decode_request(wire[:-1]) == request


def test_unknown_operation_is_no_damage() -> None:
    # The device refuses it by its status, so that the host learns why.
    request = Request(1, 9, 0, 1)
    assert decode_request(encode_request(request)[:-1]) == request


@pytest.mark.parametrize(
    "request_", [Request(1, Operation.WRITE, 0, 2, (5,)), Request(1, Operation.READ, 0, 1, (5,))]
)
def test_request_with_another_count_is_refused(request_: Request) -> None:
    assert decode_request(encode_request(request_)[:-1]) is None


@pytest.mark.parametrize("body", [b"", b"\x01", b"\x01\x00\x05", b"\x01\x00" + bytes(6)])
def test_intact_frames_of_impossible_length_are_refused(body: bytes) -> None:
    frame = cobs_encode(body + struct.pack("<I", zlib.crc32(body)))
    assert decode_reply(frame) is None
    assert decode_request(frame) is None


def frames_of(wire: bytes) -> list[bytes]:
    return wire.split(DELIMITER)


@given(request=requests(), reply=REPLIES)
def test_every_flipped_bit_is_noticed(request: Request, reply: Reply) -> None:
    for wire, decode in (
        (encode_request(request), decode_request),
        (encode_reply(reply), decode_reply),
    ):
        for position in range(8 * len(wire)):
            damaged = bytearray(wire)
            damaged[position // 8] ^= 1 << position % 8
            # A flip can make a delimiter, or destroy the last: every piece must be refused.
            assert not any(decode(frame) for frame in frames_of(bytes(damaged))), position


@given(request=requests(), data=st.data())
def test_cut_frames_are_refused(request: Request, data: st.DataObject) -> None:
    frame = encode_request(request)[:-1]
    start, stop = sorted(data.draw(st.tuples(*[st.integers(0, len(frame))] * 2)))
    if (start, stop) != (0, len(frame)):
        assert decode_request(frame[start:stop]) is None
        assert decode_request(frame[:start] + frame[stop:]) in (None, request)


@given(garbage=st.binary(max_size=300))
def test_garbage_is_refused_quietly(garbage: bytes) -> None:
    for frame in frames_of(garbage):
        assert decode_request(frame) is None
        assert decode_reply(frame) is None

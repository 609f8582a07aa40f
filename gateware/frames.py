"""The link's frames: packed, protected by a CRC, and delimited so that garbage is survived.

A request is ``sequence, operation, count, address (4), count words if a write, CRC-32 (4)``; a
reply is ``sequence, status, count words if a read, CRC-32 (4)``. Multi-byte numbers are little
endian. Either is COBS-encoded, so that it holds no zero byte, and ends with one zero byte.
Reads and writes are idempotent, so a request whose reply was lost is simply sent again.
"""

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

__all__ = [
    "CRC_BYTES",
    "DELIMITER",
    "MAX_ENCODED_BYTES",
    "MAX_FRAME_BYTES",
    "MAX_WORDS",
    "REQUEST_HEADER",
    "Operation",
    "Reply",
    "Request",
    "Status",
    "cobs_decode",
    "cobs_encode",
    "decode_reply",
    "decode_request",
    "encode_reply",
    "encode_request",
]

MAX_WORDS = 60
"""Words a frame can carry: the longest frame still needs no second COBS block."""
DELIMITER = b"\x00"
"""Ends every frame, and occurs nowhere within one."""
REQUEST_HEADER = struct.Struct("<BBBI")
"""Sequence, operation, count, address."""
CRC_BYTES = 4
"""Bytes of the check that ends a frame's body."""
MAX_FRAME_BYTES = REQUEST_HEADER.size + 4 * MAX_WORDS + CRC_BYTES
"""Bytes of the longest frame before it is encoded."""
MAX_ENCODED_BYTES = 254
"""Bytes of one COBS block without its delimiter, the code byte included."""


class Operation(IntEnum):
    """What a request asks for."""

    READ = 0
    WRITE = 1


class Status(IntEnum):
    """How a request went."""

    OK = 0
    BAD_OPERATION = 1
    BAD_ADDRESS = 2
    ACCESS = 3
    BUSY = 4
    BAD_VALUE = 5


@dataclass(frozen=True)
class Request:
    """One request: `count` words from or to `address` on; `words` only in a write."""

    sequence: int
    operation: int
    address: int
    count: int
    words: tuple[int, ...] = ()


@dataclass(frozen=True)
class Reply:
    """The answer to the request of the same sequence number; `words` only after a read."""

    sequence: int
    status: int
    words: tuple[int, ...] = ()


def cobs_encode(data: bytes) -> bytes:
    """Encode up to 253 bytes so that none is zero (Cheshire and Baker 1999), one byte longer."""
    if len(data) >= MAX_ENCODED_BYTES:
        raise ValueError(
            f"a frame must have at most {MAX_ENCODED_BYTES - 1} bytes, not {len(data)}"
        )
    return b"".join(bytes([len(run) + 1]) + run for run in data.split(b"\x00"))


def cobs_decode(data: bytes) -> bytes | None:
    """Invert `cobs_encode`; None if `data` is not its output."""
    if DELIMITER in data or len(data) > MAX_ENCODED_BYTES:
        return None
    runs = []
    position = 0
    while position < len(data):
        end = position + data[position]
        if end == position or end > len(data):
            return None
        runs.append(data[position + 1 : end])
        position = end
    return b"\x00".join(runs) if runs else None


def encode_request(request: Request) -> bytes:
    """Return a request as bytes on the wire, its delimiter included."""
    header = REQUEST_HEADER.pack(
        request.sequence, request.operation, request.count, request.address
    )
    return _seal(header + _pack(request.words))


def decode_request(frame: bytes) -> Request | None:
    """Read a request without its delimiter; None if it is damaged."""
    body = _open(frame)
    if body is None or len(body) < REQUEST_HEADER.size:
        return None
    sequence, operation, count, address = REQUEST_HEADER.unpack_from(body)
    payload = body[REQUEST_HEADER.size :]
    if len(payload) != (4 * count if operation == Operation.WRITE else 0):
        return None
    return Request(sequence, operation, address, count, _unpack(payload))


def encode_reply(reply: Reply) -> bytes:
    """Return a reply as bytes on the wire, its delimiter included."""
    return _seal(bytes([reply.sequence, reply.status]) + _pack(reply.words))


def decode_reply(frame: bytes) -> Reply | None:
    """Read a reply without its delimiter; None if it is damaged."""
    body = _open(frame)
    if body is None or len(body) < 2 or len(body) % 4 != 2:
        return None
    return Reply(body[0], body[1], _unpack(body[2:]))


def _pack(words: Sequence[int]) -> bytes:
    return struct.pack(f"<{len(words)}I", *words)


def _unpack(payload: bytes) -> tuple[int, ...]:
    return struct.unpack(f"<{len(payload) // 4}I", payload)


def _seal(body: bytes) -> bytes:
    return cobs_encode(body + struct.pack("<I", zlib.crc32(body))) + DELIMITER


def _open(frame: bytes) -> bytes | None:
    data = cobs_decode(frame)
    if data is None or len(data) < CRC_BYTES:
        return None
    body, crc = data[:-CRC_BYTES], data[-CRC_BYTES:]
    return body if struct.unpack("<I", crc)[0] == zlib.crc32(body) else None

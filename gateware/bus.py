"""The word bus between the link and what it reads and writes."""

from amaranth.hdl import unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from pmgd.gateware.regmap import REGION_SHIFT

__all__ = ["BusSignature", "RequestLayout", "ResponseLayout", "TargetSignature"]

RequestLayout = data.StructLayout({"write": 1, "address": unsigned(32), "data": unsigned(32)})
"""One access: `data` matters only in a write."""

ResponseLayout = data.StructLayout({"status": unsigned(3), "data": unsigned(32)})
"""Its outcome: a `pmgd.gateware.frames.Status`; `data` matters only after a read that went well."""


class BusSignature(wiring.Signature):
    """One access at a time: a request is taken, then its one response is given.

    Members
    -------
    request
        Stream of `RequestLayout` from the initiator.
    response
        Stream of `ResponseLayout` to the initiator, any number of cycles later.
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "request": Out(stream.Signature(RequestLayout)),
                "response": In(stream.Signature(ResponseLayout)),
            }
        )


class TargetSignature(wiring.Signature):
    """One region's side of an access, behind the decoder.

    Members
    -------
    strobe
        For one cycle: perform an access. `write`, `offset` and `data` stay until `done`.
    write
        Write `data` (1) or read (0).
    offset
        Word within the region.
    data
        What to write.
    done
        For one cycle, at the strobe or later: `status` and `value` are the outcome.
    status
        A `pmgd.gateware.frames.Status`.
    value
        What was read.
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "strobe": Out(1),
                "write": Out(1),
                "offset": Out(REGION_SHIFT),
                "data": Out(32),
                "done": In(1),
                "status": In(3),
                "value": In(32),
            }
        )

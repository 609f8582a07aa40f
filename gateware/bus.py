"""The word bus between the link and what it reads and writes."""

from amaranth.hdl import unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["BusSignature", "RequestLayout", "ResponseLayout"]

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

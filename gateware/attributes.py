"""Attributes of wires by which gateware tells a board's tools what synthesis does not know."""

__all__ = ["OUTPUT_REGISTER", "REPLICA"]

OUTPUT_REGISTER = "output_register"
"""Of registers behind a block of memory, which may be the block's own: the block's output takes
half of a fast clock's period, the register's output next to nothing."""
REPLICA = "replica"
"""Of registers whose likes must not be merged; see `pmgd.gateware.replica.replica`."""

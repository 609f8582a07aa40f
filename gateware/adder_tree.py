"""A pipelined sum."""

from operator import index

from amaranth.hdl import Module, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from pmgd.gateware.latency import TREE_LEVELS_PER_STAGE, tree_cycles

__all__ = ["AdderTree"]


class AdderTree(wiring.Component):
    """Adds signed numbers, with a register behind every second level of adders and the last.

    Latency: `pmgd.gateware.latency.tree_cycles` of the number of leaves; a new set of numbers
    may enter every cycle. Exact: `sum_bits` must hold every sum.

    Parameters
    ----------
    leaves
        How many numbers.
    leaf_bits, sum_bits
        Width of each number and of the sum, signed.

    Members
    -------
    numbers
        The numbers, as an array.
    sum
        Their sum.
    """

    def __init__(self, *, leaves: int, leaf_bits: int, sum_bits: int) -> None:
        self._leaves = index(leaves)
        super().__init__(
            {
                "numbers": In(data.ArrayLayout(signed(leaf_bits), self._leaves)),
                "sum": Out(signed(sum_bits)),
            }
        )

    @property
    def latency(self) -> int:
        """Cycles from `numbers` to `sum`."""
        return tree_cycles(self._leaves)

    def elaborate(self, platform):
        m = Module()
        level = [self.numbers[i] for i in range(self._leaves)]
        depth = 0
        while len(level) > 1:
            # An odd one out waits for the next level.
            pairs = [a + b for a, b in zip(level[::2], level[1::2], strict=False)]
            level = pairs + level[len(pairs) * 2 :]
            depth += 1
            if depth % TREE_LEVELS_PER_STAGE == 0 and len(level) > 1:
                stage = [Signal.like(number, name=f"level_{depth}") for number in level]
                m.d.sync += [register.eq(n) for register, n in zip(stage, level, strict=True)]
                level = stage
        domain = m.d.sync if depth else m.d.comb
        domain += self.sum.eq(level[0])
        return m

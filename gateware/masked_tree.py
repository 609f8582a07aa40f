"""A pipelined sum of numbers, each times one bit."""

from operator import index

from amaranth.hdl import Module, Mux, signed, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from pmgd.gateware.adder_tree import add_up
from pmgd.gateware.latency import tree_cycles
from pmgd.gateware.masked_add import MaskedAdd
from pmgd.gateware.offset_binary import from_offset_binary

__all__ = ["MaskedTree"]


class MaskedTree(wiring.Component):
    """Adds those of its numbers whose mask is 1: an `AdderTree` whose first level masks.

    Latency: `pmgd.gateware.latency.tree_cycles` of the number of leaves; a new set of numbers
    may enter every cycle. Exact: `sum_bits` must hold every sum.

    Parameters
    ----------
    leaves
        How many numbers.
    leaf_bits, sum_bits
        Width of each number and of the sum, signed.
    offset_binary
        The numbers' most significant bits come inverted.

    Members
    -------
    numbers, masks
        The numbers, as an array, and a bit for each.
    sum
        Their sum.
    """

    def __init__(
        self, *, leaves: int, leaf_bits: int, sum_bits: int, offset_binary: bool = False
    ) -> None:
        self._leaves = index(leaves)
        self._offset_binary = bool(offset_binary)
        self._leaf_bits = index(leaf_bits)
        super().__init__(
            {
                "numbers": In(data.ArrayLayout(signed(leaf_bits), self._leaves)),
                "masks": In(unsigned(self._leaves)),
                "sum": Out(signed(sum_bits)),
            }
        )

    @property
    def latency(self) -> int:
        """Cycles from `numbers` to `sum`."""
        return tree_cycles(self._leaves)

    def elaborate(self, platform):
        m = Module()
        level = []
        for i in range(0, self._leaves - 1, 2):
            m.submodules[f"pair_{i // 2}"] = pair = MaskedAdd(
                self._leaf_bits, offset_binary=self._offset_binary
            )
            m.d.comb += [
                pair.a.eq(self.numbers[i]),
                pair.b.eq(self.numbers[i + 1]),
                pair.x_a.eq(self.masks[i]),
                pair.x_b.eq(self.masks[i + 1]),
            ]
            level.append(pair.sum)
        if self._leaves % 2:
            single = self.numbers[self._leaves - 1]
            if self._offset_binary:
                single = from_offset_binary(single)
            level.append(Mux(self.masks[-1], single, 0))
        domain = m.d.sync if self._leaves > 1 else m.d.comb
        domain += self.sum.eq(add_up(m, platform, level, depth=1))
        return m

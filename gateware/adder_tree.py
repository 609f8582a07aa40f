"""A pipelined sum."""

from operator import index

from amaranth.hdl import Module, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from pmgd.gateware.cell_limits import LUT_ADDED_BITS
from pmgd.gateware.latency import TREE_LEVELS_PER_STAGE, tree_cycles
from pmgd.gateware.masked_add import MaskedAdd
from pmgd.gateware.primitives import family

__all__ = ["AdderTree", "add_up"]


class AdderTree(wiring.Component):
    """Adds signed numbers, with registers between its levels of adders and behind the last.

    Latency: `pmgd.gateware.latency.tree_cycles` of the number of leaves and `levels_per_stage`; a
    new set of numbers may enter every cycle. Exact: `sum_bits` must hold every sum.

    Parameters
    ----------
    leaves
        How many numbers.
    leaf_bits, sum_bits
        Width of each number and of the sum, signed.
    levels_per_stage
        Levels of adders between two registers.

    Members
    -------
    numbers
        The numbers, as an array.
    sum
        Their sum.
    """

    def __init__(
        self,
        *,
        leaves: int,
        leaf_bits: int,
        sum_bits: int,
        levels_per_stage: int = TREE_LEVELS_PER_STAGE,
    ) -> None:
        self._leaves = index(leaves)
        self._levels_per_stage = index(levels_per_stage)
        super().__init__(
            {
                "numbers": In(data.ArrayLayout(signed(leaf_bits), self._leaves)),
                "sum": Out(signed(sum_bits)),
            }
        )

    @property
    def latency(self) -> int:
        """Cycles from `numbers` to `sum`."""
        return tree_cycles(self._leaves, self._levels_per_stage)

    def elaborate(self, platform):
        m = Module()
        numbers = [self.numbers[i] for i in range(self._leaves)]
        total = add_up(m, platform, numbers, levels_per_stage=self._levels_per_stage)
        domain = m.d.sync if self._leaves > 1 else m.d.comb
        domain += self.sum.eq(total)
        return m


def add_up(
    m: Module,
    platform,
    level: list,
    depth: int = 0,
    levels_per_stage: int = TREE_LEVELS_PER_STAGE,
):
    """Return the sum of numbers, with registers between its levels of adders.

    Parameters
    ----------
    m, platform
        Where the registers and adders go.
    level
        The numbers.
    depth
        Levels of adders in front of them since the last register.
    levels_per_stage
        Levels of adders between two registers.
    """
    while len(level) > 1:
        # An odd one out waits for the next level.
        pairs = [_plus(m, platform, *pair) for pair in zip(level[::2], level[1::2], strict=False)]
        level = pairs + level[len(pairs) * 2 :]
        depth += 1
        if depth % levels_per_stage == 0 and len(level) > 1:
            stage = [Signal.like(number, name=f"level_{depth}") for number in level]
            m.d.sync += [register.eq(n) for register, n in zip(stage, level, strict=True)]
            level = stage
    return level[0]


def _plus(m: Module, platform, a, b):
    """Return ``a + b``.

    Where there is no register between two levels, synthesis would make one sum of their three
    additions, of carry-save adders, which take more look-up tables and more time than carry chains.
    """
    bits = max(len(a), len(b))
    if family(platform) != "ecp5" or bits <= LUT_ADDED_BITS:
        return a + b
    m.submodules += (adder := MaskedAdd(bits))
    m.d.comb += [adder.a.eq(a), adder.b.eq(b), adder.x_a.eq(1), adder.x_b.eq(1)]
    return adder.sum

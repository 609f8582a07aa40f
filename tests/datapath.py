"""What the datapath's tests share: an input a cycle, and the scan ring."""

from collections.abc import Iterable, Sequence
from typing import Any

from amaranth.hdl import ClockDomain, Module
from datapath_model import scaled

from pmgd.sim.testbench import simulate

Row = tuple[int, ...]


def clocked(component: Any) -> Module:
    """Return a component in a design that has a clock, which combinational ones do not use."""
    m = Module()
    m.domains.sync = ClockDomain()
    m.submodules.component = component
    return m


async def drive(
    ctx: Any, inputs: Sequence[Any], rows: Iterable[Row], outputs: Sequence[Any]
) -> list[Row]:
    """Set `inputs` to the next row in every cycle, and return the `outputs` of every cycle."""
    seen = []
    for row in rows:
        for signal, value in zip(inputs, row, strict=True):
            ctx.set(signal, value)
        seen.append(tuple(ctx.get(signal) for signal in outputs))
        await ctx.tick()
    return seen


def play(
    component: Any, inputs: Sequence[Any], rows: Sequence[Row], outputs: Sequence[Any]
) -> list[Row]:
    """Drive a component from its reset on."""
    seen = []

    async def player(ctx: Any) -> None:
        seen.extend(await drive(ctx, inputs, rows, outputs))

    simulate(clocked(component), player, deadline_cycles=len(rows) + 1)
    return seen


def assert_pipelined(seen: Sequence[Row], expected: Sequence[Row], latency: int) -> None:
    """Demand a result in every cycle, `latency` cycles after its input and at no other distance."""
    count = len(expected)
    assert len(seen) >= count + latency, "the simulation must last until the last result"
    for k, result in enumerate(expected):
        actual = seen[k + latency]
        assert actual == result, f"input {k} must give {result} after {latency}, not {actual}"
    others = [d for d in range(len(seen) - count + 1) if list(seen[d : d + count]) == expected]
    assert others == [latency], f"inputs too alike to tell the latency {others}"


# -- The broadcast ------------------------------------------------------------------------------


async def broadcast_amplitude(ctx: Any, broadcast: Any, dtheta: int, operand_shift: int) -> None:
    """Set the amplitude, or those of all levels in turn."""
    if not len(broadcast.level):
        ctx.set(broadcast.dtheta, dtheta)
        return
    fields = broadcast.load, broadcast.level, broadcast.dtheta
    rows = [(1, level, scaled(dtheta >> operand_shift, level)) for level in range(8)]
    await drive(ctx, fields, [*rows, (0, 0, 0)], ())


async def broadcast_step(
    ctx: Any, broadcast: Any, magnitude: int, *, direction: int = 1, ends: int = 1, turns: int = 1
) -> None:
    """Apply a step, the same in the turns of all levels."""
    step = broadcast.step
    fields = (
        *(broadcast.apply, broadcast.update, broadcast.level),
        *(step.magnitude, step.negative, step.nonzero),
    )
    rows = [(1, ends, level, magnitude, direction < 0, direction != 0) for level in range(turns)]
    await drive(ctx, fields, [*rows, (0,) * 6], ())


# -- The scan ring ----------------------------------------------------------------------------


def to_bits(*fields: tuple[int, int]) -> list[int]:
    """Return the bits of (value, width) pairs, least significant first."""
    return [value >> i & 1 for value, width in fields for i in range(width)]


def from_bits(bits: Iterable[int], *widths: int) -> Row:
    """Return the fields of these widths; a negative width is that of a two's complement number."""
    remaining = iter(bits)
    fields = []
    for width in widths:
        value = sum(next(remaining) << i for i in range(abs(width)))
        fields.append(value - (1 << -width) if width < 0 and value >> (-width - 1) else value)
    assert not list(remaining), "the widths must cover all bits"
    return tuple(fields)


async def shift(ctx: Any, scan: Any, bits: Iterable[int]) -> list[int]:
    """Shift bits into a scan chain and return those that leave."""
    left = await drive(ctx, (scan.shift, scan.input), [(1, bit) for bit in bits], (scan.output,))
    ctx.set(scan.shift, 0)
    return [bit for (bit,) in left]


async def rotate(ctx: Any, scan: Any, length: int) -> list[int]:
    """Read a scan chain by feeding its output to its input, which restores it."""
    bits = []
    ctx.set(scan.shift, 1)
    for _ in range(length):
        bits.append(ctx.get(scan.output))
        ctx.set(scan.input, bits[-1])
        await ctx.tick()
    ctx.set(scan.shift, 0)
    return bits

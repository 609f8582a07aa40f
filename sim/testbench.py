"""Streams in Amaranth's simulator: send, receive, stall at random, and never wait for ever."""

import random
from collections.abc import Awaitable, Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from amaranth.sim import Simulator

__all__ = ["Testbench", "receive", "send", "simulate"]

Testbench = Callable[[Any], Awaitable[None]]
"""A coroutine function of a simulator context."""

PERIOD_S = 1e-6


async def send(
    ctx: Any,
    stream: Any,
    items: Iterable[Any],
    *,
    rng: random.Random | None = None,
    stall: float = 0.0,
) -> None:
    """Put items on a stream, in order; before each, idle while `rng` draws below `stall`."""
    ticks = aiter(ctx.tick().sample(stream.ready))
    for item in items:
        while rng is not None and rng.random() < stall:
            ctx.set(stream.valid, 0)
            await anext(ticks)
        ctx.set(stream.payload, item)
        ctx.set(stream.valid, 1)
        while not (await anext(ticks))[-1]:
            pass
    ctx.set(stream.valid, 0)


async def receive(
    ctx: Any,
    stream: Any,
    count: int,
    *,
    rng: random.Random | None = None,
    stall: float = 0.0,
) -> list[Any]:
    """Take `count` items from a stream; before each, refuse while `rng` draws below `stall`."""
    ticks = aiter(ctx.tick().sample(stream.payload, stream.valid))
    items = []
    for _ in range(count):
        while rng is not None and rng.random() < stall:
            ctx.set(stream.ready, 0)
            await anext(ticks)
        ctx.set(stream.ready, 1)
        valid = False
        while not valid:
            *_, payload, valid = await anext(ticks)
        items.append(payload)
    ctx.set(stream.ready, 0)
    return items


def simulate(
    dut: Any,
    *testbenches: Testbench,
    background: Sequence[Testbench] = (),
    deadline_cycles: int = 10_000,
    waveform: Path | None = None,
) -> None:
    """Simulate a component until every test bench has returned.

    Parameters
    ----------
    dut
        The component; its clock is ``sync``.
    testbenches
        Run at once; a failed assertion in one, or in the gateware, is raised here.
    background
        Test benches that need not return, such as models of what surrounds the component. They
        wait with `send`, `receive` or ``await ctx.tick()``; Amaranth's ``until`` and ``repeat``
        complain when they are left waiting.
    deadline_cycles
        Cycles allowed.
    waveform
        A VCD file to write.

    Raises
    ------
    TimeoutError
        If a test bench has not returned by the deadline; it names those.
    """
    simulator = Simulator(dut)
    simulator.add_clock(PERIOD_S)
    waiting = {}

    def watched(index: int, testbench: Testbench) -> Testbench:
        name = waiting[index] = getattr(testbench, "__name__", f"test bench {index}")

        async def run(ctx: Any) -> None:
            await testbench(ctx)
            del waiting[index]

        run.__name__ = name
        return run

    async def deadline(ctx: Any) -> None:
        await ctx.delay(deadline_cycles * PERIOD_S)
        raise TimeoutError(
            f"test benches must return within {deadline_cycles} cycles, but these still wait: "
            f"{', '.join(waiting.values())}"
        )

    for index, testbench in enumerate(testbenches):
        simulator.add_testbench(watched(index, testbench))
    for testbench in (*background, deadline):
        simulator.add_testbench(testbench, background=True)
    if waveform is None:
        simulator.run()
    else:
        with simulator.write_vcd(str(waveform)):
            simulator.run()

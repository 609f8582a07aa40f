"""What the tests of updaters share: one that follows a rule, and a run of it."""

from collections.abc import Sequence

from datapath import Row, drive, from_bits, rotate
from datapath_model import Rule

from pmgd.gateware.updater import Updater
from pmgd.sim.testbench import simulate


def updater(rule: Rule, gradient_bits: int, step_bits: int, **kind: bool) -> Updater:
    return Updater(
        theta_bits=rule.theta_bits,
        gradient_bits=gradient_bits,
        step_bits=step_bits,
        overflow=rule.overflow,
        correlator=rule.correlator,
        decay_shift=rule.decay_shift,
        leaky=rule.leaky,
        **kind,
    )


def check_run(
    dut: Updater, inputs: Sequence, rows: list[Row], thetas: list[Row], state: Row, *widths: int
) -> None:
    """Drive an updater from zero, a row a cycle, and compare every theta, then the whole state."""

    async def testbench(ctx):
        assert await drive(ctx, inputs, rows, (dut.theta,)) == thetas
        ctx.set(dut.apply, 0)
        assert from_bits(await rotate(ctx, dut.scan, -sum(widths)), *widths) == state

    simulate(dut, testbench)

"""The choice of a perturber: one interface, and its own state as wide as planned."""

import pytest
from datapath import clocked, drive, shift
from datapath_model import PERTURBATIONS, oscillation

from pmgd.gateware.perturber import make_perturber
from pmgd.gateware.perturber_signature import PerturberSignature
from pmgd.gateware.plan import Plan
from pmgd.gateware.spec import OSCILLATORS, Fabric, Network, Spec
from pmgd.sim.testbench import simulate


@pytest.mark.parametrize("kind", PERTURBATIONS)
def test_state_has_the_planned_width(kind: str) -> None:
    fabric = Fabric(perturbation=kind, lfsr_bits=16)
    plan = Plan(Spec(name="planned", network=Network(layers=(2, 2, 1)), fabric=fabric))
    assert (plan.increments != ()) == (kind in OSCILLATORS)
    bits = plan.perturber_bits if plan.increments else 16
    increment = plan.increments[8] if plan.increments else 0
    dut = make_perturber(
        kind, bits=bits, code_bits=plan.code_bits, parameter=8, increment=increment
    )
    assert isinstance(dut.signature, PerturberSignature)
    assert len(dut.code) == plan.code_bits
    assert len(dut.level) == plan.level_bits

    async def testbench(ctx):
        # What enters leaves after as many shifts as there are bits of state.
        bits = plan.perturber_bits
        await shift(ctx, dut.scan, [0] * 32)
        marked = await shift(ctx, dut.scan, [1] + [0] * 32)
        assert marked == [0] * bits + [1] + [0] * (32 - bits)

    simulate(clocked(dut), testbench)


@pytest.mark.parametrize("kind", OSCILLATORS)
def test_oscillator_has_the_increment_that_it_is_given(kind: str) -> None:
    dut = make_perturber(kind, bits=7, code_bits=0, parameter=3, increment=49)

    async def testbench(ctx):
        for k in range(1, 30):
            await drive(ctx, (dut.advance,), [(1,)], ())
            s, level = oscillation(49 * k % 128, 7)
            assert ctx.get(dut.positive) == (s > 0)
            assert ctx.get(dut.level) == level * (kind == "sine")

    simulate(clocked(dut), testbench)


@pytest.mark.parametrize("parameter", [0, 5, 8])
def test_walsh_row_follows_the_parameter(parameter: int) -> None:
    """Row i + 1 of parameter i is +1 in column 0, and in a column of one bit -1 if it has that."""
    dut = make_perturber("walsh", bits=16, code_bits=4, parameter=parameter)

    async def testbench(ctx):
        for bit in range(4):
            ctx.set(dut.code, 1 << bit)
            assert ctx.get(dut.positive) == 1 - ((parameter + 1) >> bit & 1)

    simulate(clocked(dut), testbench)


def test_kind_must_be_known() -> None:
    with pytest.raises(
        ValueError,
        match="kind must be lfsr, chain, walsh, sequential, square or sine, not 'gray'",
    ):
        make_perturber("gray", bits=8, code_bits=0, parameter=0)

"""The choice of a perturber: one interface, and its own state as wide as planned."""

import pytest
from datapath import clocked, shift
from datapath_model import PERTURBATIONS

from pmgd.gateware.perturber import make_perturber
from pmgd.gateware.perturber_signature import PerturberSignature
from pmgd.gateware.plan import Plan
from pmgd.gateware.spec import Fabric, Network, Spec
from pmgd.sim.testbench import simulate


@pytest.mark.parametrize("kind", PERTURBATIONS)
def test_state_has_the_planned_width(kind: str) -> None:
    fabric = Fabric(perturbation=kind, lfsr_bits=16)
    plan = Plan(Spec(name="planned", network=Network(layers=(2, 2, 1)), fabric=fabric))
    dut = make_perturber(kind, lfsr_bits=16, code_bits=plan.code_bits, parameter=8)
    assert isinstance(dut.signature, PerturberSignature)
    assert len(dut.code) == plan.code_bits

    async def testbench(ctx):
        # What enters leaves after as many shifts as there are bits of state.
        bits = plan.perturber_bits
        await shift(ctx, dut.scan, [0] * 32)
        marked = await shift(ctx, dut.scan, [1] + [0] * 32)
        assert marked == [0] * bits + [1] + [0] * (32 - bits)

    simulate(clocked(dut), testbench)


@pytest.mark.parametrize("parameter", [0, 5, 8])
def test_walsh_row_follows_the_parameter(parameter: int) -> None:
    """Row i + 1 of parameter i is +1 in column 0, and in a column of one bit -1 if it has that."""
    dut = make_perturber("walsh", lfsr_bits=16, code_bits=4, parameter=parameter)

    async def testbench(ctx):
        for bit in range(4):
            ctx.set(dut.code, 1 << bit)
            assert ctx.get(dut.positive) == 1 - ((parameter + 1) >> bit & 1)

    simulate(clocked(dut), testbench)


def test_kind_must_be_known() -> None:
    with pytest.raises(
        ValueError, match="kind must be 'lfsr', 'chain', 'walsh' or 'sequential', not 'gray'"
    ):
        make_perturber("gray", lfsr_bits=8, code_bits=0, parameter=0)

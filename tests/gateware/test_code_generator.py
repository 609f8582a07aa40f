"""What perturbers share: a whole period of each kind, loading, and the chain's entering sign."""

import gc
import random

import pytest
from datapath import play
from datapath_model import next_lfsr

from pmgd.gateware.code_generator import CodeGenerator


def inputs(dut: CodeGenerator) -> tuple:
    return dut.load, dut.loaded, dut.advance


@pytest.mark.parametrize("bits", [8, 9, 10])
def test_chain_period_is_maximal(bits: int) -> None:
    dut = CodeGenerator("chain", bits)
    rows = [(1, 1, 0)] + [(0, 0, 1)] * 2**bits
    states = [state for (state,) in play(dut, inputs(dut), rows, (dut.state,))]
    assert sorted(states[1:-1]) == list(range(1, 2**bits))
    assert states[-1] == states[1] == 1


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_walsh_columns_in_order(bits: int) -> None:
    dut = CodeGenerator("walsh", bits)
    rows = [(0, 0, 1)] * 2 * 2**bits
    seen = play(dut, inputs(dut), rows, (dut.state, dut.entering))
    assert seen == [(column % 2**bits, 0) for column in range(2 * 2**bits)]


@pytest.mark.parametrize(("kind", "bits"), [("chain", 8), ("chain", 32), ("walsh", 5)])
def test_sequence(kind: str, bits: int, random_seed: int) -> None:
    """A state one cycle after each `advance`, and none without; loading goes first."""
    rng = random.Random(random_seed)
    dut = CodeGenerator(kind, bits)

    def following(state: int) -> int:
        return next_lfsr(state, bits) if kind == "chain" else (state + 1) % 2**bits

    rows, expected, state = [], [], 0
    for _ in range(1000):
        load, advance = rng.random() < 0.05, rng.random() < 0.7
        loaded = rng.randrange(1, 2**bits)
        rows.append((load, loaded, advance))
        # The sign that enters is already that of the next state.
        expected.append((state, following(state) & 1 if kind == "chain" else 0))
        state = loaded if load else following(state) if advance else state
    assert play(dut, inputs(dut), rows, (dut.state, dut.entering)) == expected


@pytest.mark.filterwarnings("ignore::amaranth.hdl.UnusedElaboratable")
@pytest.mark.parametrize("kind", ["lfsr", "sequential"])
def test_others_share_nothing(kind: str) -> None:
    with pytest.raises(ValueError, match=f"kind must be 'chain' or 'walsh', not '{kind}'"):
        CodeGenerator(kind, 8)
    gc.collect()  # what is left of it warns here

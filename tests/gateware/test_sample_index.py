"""The sample order, a sample a clock, against the specification's two orders."""

import random

import pytest
from amaranth.hdl import Module
from datapath import play
from netlist import PLATFORMS
from pipelines import make

from pmgd.gateware.generator import WordGenerator
from pmgd.gateware.latency import INDEXING_CYCLES
from pmgd.gateware.plan import Plan
from pmgd.gateware.sample_index import SampleIndex


def xorshift32(x: int) -> int:
    x ^= x << 13 & 0xFFFFFFFF
    x ^= x >> 17
    return x ^ x << 5 & 0xFFFFFFFF


class ECP5SampleIndex(SampleIndex):
    """What is made for an ECP5, of components that a simulation takes."""

    def elaborate(self, platform) -> Module:
        return super().elaborate(PLATFORMS["ecp5"]())


def joined(dut: SampleIndex, words: WordGenerator) -> Module:
    m = Module()
    m.submodules.index, m.submodules.words = dut, words
    m.d.comb += [
        words.advance.eq(dut.advance),
        words.loaded.eq(dut.loaded),
        dut.word.eq(words.word),
    ]
    return m


@pytest.mark.parametrize("rate", [1.0, 0.4])
@pytest.mark.parametrize("order", [0, 1])
@pytest.mark.parametrize("samples", [1, 2, 5, 16, 40_000, 1 << 20])
@pytest.mark.parametrize("make_index", [SampleIndex, ECP5SampleIndex])
def test_every_order(
    make_index: type[SampleIndex], samples: int, order: int, rate: float, random_seed: int
) -> None:
    """Of any count, from any index; between the last draw and the next the index stays."""
    rng = random.Random(random_seed)
    dut, words = make_index(Plan(make({"fabric.samples": samples}))), WordGenerator()
    rows, drawn = [], {}
    for _ in range(15):
        count = rng.choice([samples, rng.randint(1, samples)])
        # Sequential order wraps from wherever the host, or a larger count, has left it.
        index = rng.choice([count - 1, max(0, count - 9), rng.randrange(samples)])
        word = rng.randrange(1, 1 << 32)
        rows += [(order, count, 0, 1, index, 0), (order, count, 0, 0, word, 1)]
        drawn[len(rows) - 1 - INDEXING_CYCLES] = index
        for _ in range(40):
            begin = rng.random() < rate
            if begin and order == 0:
                word = xorshift32(word)
                index = word * count >> 32
            elif begin:
                index = 0 if index + 1 >= count else index + 1
            drawn[len(rows)] = index
            rows.append((order, count, begin, 0, rng.getrandbits(32), 0))
        rows += [(order, count, 0, 0, rng.getrandbits(32), 0)] * INDEXING_CYCLES
    rows.append(rows[-1])
    signals = dut.order, dut.sample_count, dut.begin, dut.load, dut.loaded, words.load
    seen = play(joined(dut, words), signals, rows, (dut.sample_index,))
    for cycle, expected in drawn.items():
        assert seen[cycle + INDEXING_CYCLES] == (expected,), f"after cycle {cycle}"
    assert samples == 1 or len(set(drawn.values())) > 1


def test_only_random_order_draws_words(random_seed: int) -> None:
    rng = random.Random(random_seed)
    dut = SampleIndex(Plan(make({})))
    rows = [(rng.getrandbits(1), rng.getrandbits(1)) for _ in range(50)]
    seen = play(dut, (dut.order, dut.begin), rows, (dut.advance,))
    assert seen == [(int(begin and not order),) for order, begin in rows]

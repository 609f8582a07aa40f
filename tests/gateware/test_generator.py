"""The word generator against xorshift32, and its period."""

import random

from datapath import drive, play

from pmgd.gateware.generator import WordGenerator
from pmgd.sim.testbench import simulate

PERIOD = 2**32 - 1
PRIMES = 3, 5, 17, 257, 65537


def xorshift32(x: int) -> int:
    x ^= x << 13 & 0xFFFFFFFF
    x ^= x >> 17
    return x ^ x << 5 & 0xFFFFFFFF


def inputs(dut: WordGenerator) -> tuple:
    return dut.load, dut.loaded, dut.advance


def test_words(random_seed: int) -> None:
    """A word one cycle after each `advance`, and none without; loading goes first."""
    rng = random.Random(random_seed)
    dut = WordGenerator()
    rows, words, word = [], [], 1
    for _ in range(2000):
        load, loaded, advance = rng.random() < 0.02, rng.randrange(1, 2**32), rng.random() < 0.7
        rows.append((load, loaded, advance))
        words.append((word,))
        word = loaded if load else xorshift32(word) if advance else word
    assert play(dut, inputs(dut), rows, (dut.word,)) == words


def test_period_is_maximal() -> None:
    """It follows from the words after the powers of 2, since shifts and XORs are linear."""
    columns = []
    dut = WordGenerator()

    async def testbench(ctx):
        for i in range(32):
            await drive(ctx, inputs(dut), [(1, 1 << i, 0), (0, 0, 1)], ())
            columns.append(ctx.get(dut.word))

    simulate(dut, testbench)
    identity = [1 << i for i in range(32)]
    product = 1
    for prime in PRIMES:
        product *= prime
        assert power(columns, PERIOD // prime) != identity
    assert product == PERIOD
    assert power(columns, PERIOD) == identity


def apply(columns: list[int], word: int) -> int:
    result = 0
    for i, column in enumerate(columns):
        result ^= column * (word >> i & 1)
    return result


def power(columns: list[int], exponent: int) -> list[int]:
    result = [1 << i for i in range(32)]
    while exponent:
        if exponent & 1:
            result = [apply(columns, word) for word in result]
        columns = [apply(columns, word) for word in columns]
        exponent >>= 1
    return result

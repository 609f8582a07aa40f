"""The source of noise against the specification's formula."""

import random

import pytest
from datapath import Row, play
from datapath_model import next_word, noise
from hypothesis import given
from hypothesis import strategies as st

from pmgd.gateware.latency import NOISE_CYCLES
from pmgd.gateware.noise_source import NoiseSource

IDLE = (0, 0, 0)


def run(level_bits: int, level: int, rows: list[Row]) -> list[tuple[int, int]]:
    """Return the word and the noise of every cycle; a row is advance, load and loaded."""
    dut = NoiseSource(level_bits)
    inputs = dut.advance, dut.load, dut.loaded, dut.level
    seen = play(
        dut, inputs, [(*row, level) for row in rows], (dut.word, dut.magnitude, dut.negative)
    )
    return [(word, -size if negative else size) for word, size, negative in seen]


def levels(bits: int, rng: random.Random) -> list[int]:
    return [0, 1, (1 << bits) - 1, 1 << (bits - 1), rng.randrange(1 << bits)]


@pytest.mark.parametrize("bits", [1, 8, 11, 17, 26, 32])
def test_draws(bits: int, random_seed: int) -> None:
    """In cycles that follow each other and with pauses; now and then a state is loaded."""
    rng = random.Random(random_seed)
    for level in levels(bits, rng):
        rows, words, word = [], [], 1
        for cycle in range(300):
            words.append(word)
            load, advance = cycle == 3 or rng.random() < 0.02, rng.random() < 0.7
            loaded = rng.choice([rng.randrange(1, 1 << 32), 1, 0xFFFFFFFF, 0x00FFFFFF, 0xFF000000])
            rows.append((advance, load, loaded))
            word = loaded if load else next_word(word) if advance else word
        seen = run(bits, level, [*rows, *[IDLE] * NOISE_CYCLES])
        assert [word for word, _ in seen[:300]] == words
        drawn = [value for _, value in seen]
        for cycle in range(300 - NOISE_CYCLES):
            assert drawn[cycle + NOISE_CYCLES - 1] == noise(words[cycle], level)


@pytest.mark.parametrize(
    ("word", "n"),
    [
        (0xFFFFFFFF, 6399),  # 512 * 24 + 2 * 255 + 1 - 6400
        (0x00000000, -6399),
        (0x80000FFF, 1),
        (0x7FFFF000, -1),
        (0x00FFFFFF, 5889),
    ],
)
@pytest.mark.parametrize("level", [0, 1, 640, (1 << 12) - 1])
def test_extreme_words(word: int, n: int, level: int) -> None:
    """By a formula that rounds to nearest, halves away from 0, in numbers of Python."""
    rows = [(0, 1, word), *[IDLE] * NOISE_CYCLES]
    value = run(12, level, rows)[-1][1]
    assert value == noise(word, level)
    assert abs(value - n * level / 8192) <= 0.5
    assert abs(value) <= level


@given(word=st.integers(0, (1 << 32) - 1), level=st.integers(0, (1 << 16) - 1))
def test_noise_is_symmetric_and_within_its_level(word: int, level: int) -> None:
    """Of the formula itself: a word's inverse has the opposite noise."""
    assert noise(word ^ 0xFFFFFFFF, level) == -noise(word, level)
    assert abs(noise(word, level)) <= level


def test_latency_is_the_declared_one(random_seed: int) -> None:
    """From the advance to the cycle in which the noise stands."""
    rng = random.Random(random_seed)
    first = rng.randrange(1, 1 << 32)
    while noise(first, 4095) == noise(next_word(first), 4095):
        first = next_word(first)
    rows = [(0, 1, first), *[IDLE] * 10, (1, 0, 0), *[IDLE] * 10]
    values = [value for _, value in run(12, 4095, rows)]
    assert values[11] == noise(first, 4095)
    changed = next(c for c in range(11, len(values)) if values[c] != values[11])
    assert changed - 11 == NOISE_CYCLES
    assert values[changed:] == [noise(next_word(first), 4095)] * (len(values) - changed)

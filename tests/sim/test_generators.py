"""The generators, against sequences worked out by hand and what their codes must be."""

import itertools

import numpy as np
import pytest

from pmgd.gateware.oscillators import LEVELS
from pmgd.sim.generators import (
    advance_perturbers,
    lfsr_next,
    perturbation_levels,
    perturbation_signs,
    shuffled_index,
    xorshift32,
)


def signs_of(
    kind: str,
    own: list[int],
    shared: int,
    count: int,
    bits: int = 8,
    increments: tuple[int, ...] = (),
) -> list[list[int]]:
    states, state = np.array([own]), np.array([shared])
    rows = []
    for _ in range(count):
        states, state = advance_perturbers(kind, states, state, bits, increments)
        rows.append(perturbation_signs(kind, states, state, bits)[0].tolist())
    return rows


def test_chain_shifts_the_bits_of_one_generator() -> None:
    """128, 64, 32, 16, 136, 196, 226, 113, 56 follow 1: the taps 8, 6, 5, 4 are bits 0, 2, 3, 4."""
    rows = signs_of("chain", [1, 0, 1], 1, 9)
    first = [(state & 1) * 2 - 1 for state in (128, 64, 32, 16, 136, 196, 226, 113, 56)]
    assert [row[0] for row in rows] == first
    assert rows[0] == [-1, 1, -1]
    for before, after in itertools.pairwise(rows):
        assert after[1:] == before[:-1]


def test_walsh_columns() -> None:
    columns = [[1, 1, 1], [-1, 1, -1], [1, -1, -1], [-1, -1, 1]]
    assert signs_of("walsh", [0, 0, 0], 3, 5) == [*columns, columns[0]]


@pytest.mark.parametrize("parameters", [1, 2, 3, 4, 7, 8, 9, 31, 32])
def test_walsh_rows_are_orthogonal_and_sum_to_nothing(parameters: int) -> None:
    length = 1 << parameters.bit_length()
    rows = np.array(signs_of("walsh", [0] * parameters, 0, length))
    assert np.array_equal(rows.T @ rows, length * np.eye(parameters))
    assert not rows.sum(axis=0).any()


def test_sequential_perturbs_one_parameter_after_the_other() -> None:
    assert signs_of("sequential", [0, 0, 1], 0, 4) == [[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 0, 0]]


@pytest.mark.parametrize("kind", ["square", "sine"])
def test_oscillators_change_their_signs_twice_in_a_cycle(kind: str) -> None:
    """Phases of 6 bits: by 16 from 0, a cycle of four; by 1 from 31, half a cycle below 0."""
    rows = signs_of(kind, [0, 31], 0, 34, 6, (16, 1))
    assert [row[0] for row in rows[:8]] == [1, -1, -1, 1] * 2
    assert [row[1] for row in rows] == [-1] * 32 + [1] * 2


@pytest.mark.parametrize("bits", [6, 9, 24])
def test_a_cycle_of_a_sine(bits: int) -> None:
    """Its levels rise and fall twice, its signs say where it is below 0, and its mean is 0."""
    points = np.arange(32)[None] << (bits - 5)
    for phase in (points, points + (1 << (bits - 5)) - 1):  # a point's first and last
        levels = perturbation_levels(phase, bits)[0]
        assert levels.tolist() == [*range(8), *range(7, -1, -1)] * 2
        signs = perturbation_signs("sine", phase, np.array([0]), bits)[0]
        sine = signs * np.array(LEVELS)[levels]
        assert np.array_equal(sine, np.rint(128 * np.sin((2 * np.arange(32) + 1) * np.pi / 32)))
        assert sine.sum() == 0


@pytest.mark.parametrize("bits", range(8, 21))
def test_perturber_visits_every_state_but_zero(bits: int) -> None:
    following = lfsr_next(np.arange(1 << bits), bits).tolist()
    state, period = 1, 0
    while True:
        state, period = following[state], period + 1
        if state == 1:
            break
    assert period == (1 << bits) - 1
    assert following[0] == 0


def test_xorshift32_gives_its_authors_sequence() -> None:
    state = np.array([2463534242])
    words = []
    for _ in range(3):
        state = xorshift32(state)
        words.append(int(state[0]))
    assert words == [723471715, 2497366906, 2064144800]


def test_every_first_sample_is_as_likely() -> None:
    """Over the keys that xorshift gives: 4096 of them, each of 16 samples 256 times but for chance.

    The deviation of a count is sqrt(256 * 15 / 16) = 15.5; five of them are asked for.
    """
    state = xorshift32(np.arange(1, 4097))
    full = np.full(4096, 16)
    index, position, advanced = shuffled_index(full - 1, state, full)
    assert not position.any()
    assert np.array_equal(advanced, xorshift32(state))
    assert np.abs(np.bincount(index, minlength=16) - 256).max() < 78

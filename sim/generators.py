"""The generators of the specification, one row a lane: words, noise, perturbations, the shuffle."""

from collections.abc import Sequence

import numpy as np

from pmgd.gateware.gaussian import COUNTED_BITS, NOISE_OFFSET, NOISE_SHIFT
from pmgd.gateware.oscillators import LEVELS, PHASE_STEPS
from pmgd.gateware.seeds import lfsr_taps
from pmgd.gateware.spec import OSCILLATORS
from pmgd.sim.lanes import Integers, Mask, choose

__all__ = [
    "advance_perturbers", "draw_samples", "lfsr_next", "noise", "perturbation_levels",
    "perturbation_signs", "shuffled_index", "xorshift32",
]  # fmt: skip

_SHIFTS = ((1, 7), (4, 1), (3, 6), (3, 2))
"""a and b of the shuffle's four rounds."""


def xorshift32(state: Integers) -> Integers:
    """Advance 32-bit xorshift generators (Marsaglia 2003) with shifts 13, 17, 5."""
    state = state ^ ((state << 13) & 0xFFFFFFFF)
    state ^= state >> 17
    return state ^ ((state << 5) & 0xFFFFFFFF)


def noise(word: Integers, level: Integers) -> Integers:
    """Return nearly Gaussian noise of a level, made of random words of 32 bits."""
    ones = np.zeros_like(word)
    for bit in range(COUNTED_BITS):
        ones += (word >> bit) & 1
    n: Integers = 512 * ones + 2 * (word >> COUNTED_BITS) + 1 - NOISE_OFFSET
    rounded: Integers = (abs(n) * level + (1 << NOISE_SHIFT >> 1)) >> NOISE_SHIFT
    signed: Integers = np.sign(n) * rounded
    return signed


def lfsr_next(state: Integers, bits: int) -> Integers:
    """Advance Fibonacci LFSRs of `bits` bits, that shift right."""
    feedback = np.zeros_like(state)
    for tap in lfsr_taps(bits):
        feedback ^= state >> (bits - tap)
    return (state >> 1) | ((feedback & 1) << (bits - 1))


def advance_perturbers(
    kind: str, own: Integers, shared: Integers, bits: int, increments: Sequence[int] = ()
) -> tuple[Integers, Integers]:
    """Advance the perturbers of every lane.

    Parameters
    ----------
    kind
        `Fabric.perturbation`.
    own, shared
        Shapes (B, P) and (B,): each parameter's own state, and what a lane's parameters share.
    bits
        Width of the LFSRs, or of the phases of oscillators.
    increments
        Of the oscillators, one for each parameter.

    Returns
    -------
    The states that follow, in new arrays.
    """
    if kind == "lfsr":
        return lfsr_next(own, bits), shared
    if kind in OSCILLATORS:
        return (own + np.array(increments, np.int64)) & ((1 << bits) - 1), shared
    if kind == "walsh":
        return own, (shared + 1) & ((1 << own.shape[1].bit_length()) - 1)
    following = np.roll(own, 1, axis=1)
    if kind == "chain":
        shared = lfsr_next(shared, bits)
        following[:, 0] = shared & 1
    return following, shared


def perturbation_signs(kind: str, own: Integers, shared: Integers, bits: int) -> Integers:
    """Return s, shape (B, P), of perturbers in the given states; see `advance_perturbers`."""
    if kind == "sequential":
        return own
    if kind in OSCILLATORS:
        return np.where(_points(own, bits) < PHASE_STEPS // 2, 1, -1)
    if kind != "walsh":
        return 2 * (own & 1) - 1
    rows = np.arange(1, own.shape[1] + 1)  # row 0 is nobody's
    return 1 - 2 * _parity(shared[:, None] & rows)


def perturbation_levels(own: Integers, bits: int) -> Integers:
    """Return k, shape (B, P), of sines in the given states: up a quarter of a cycle, and down."""
    quarter, within = np.divmod(_points(own, bits), len(LEVELS))
    return np.where(quarter % 2 == 0, within, len(LEVELS) - 1 - within)


def draw_samples(
    order: Integers,
    index: Integers,
    position: Integers,
    state: Integers,
    count: Integers,
    due: Mask,
) -> tuple[Integers, Integers, Integers]:
    """Draw a sample in every lane that is due, in the order it has chosen.

    Parameters
    ----------
    order, index, position, state, count
        Shape (B,): `order`, `sample_index`, `order_position`, `order_state`, `sample_count`.
    due
        Shape (B,): the lanes to draw in; the others stay.

    Returns
    -------
    index, position, state
        The sample, and the states that follow.
    """
    random, sequential, shuffled = due & (order == 0), due & (order == 1), due & (order >= 2)
    if random.any():
        word = xorshift32(state)
        index = choose(random, (word * count) >> 32, index)
        state = choose(random, word, state)
    if sequential.any():
        following = np.where(index + 1 >= count, 0, index + 1)
        index = choose(sequential, following, index)
    if shuffled.any():
        drawn = shuffled_index(position, state, np.maximum(count, 1))
        index, position, state = (
            choose(shuffled, new, old)
            for new, old in zip(drawn, (index, position, state), strict=True)
        )
    return index, position, state


def shuffled_index(
    position: Integers, state: Integers, count: Integers
) -> tuple[Integers, Integers, Integers]:
    """Draw a sample in shuffled order in every lane.

    Parameters
    ----------
    position, state
        Shape (B,): `order_position` and `order_state`.
    count
        Shape (B,): `sample_count`, at least 1.

    Returns
    -------
    index, position, state
        The sample, and the states that follow.
    """
    mask = _ones_up_to(count - 1)
    index = np.full_like(position, np.iinfo(np.int64).max)
    while (again := index >= count).any():
        ended = again & (position >= mask)
        position = np.where(ended, 0, position + again)
        state = np.where(ended, xorshift32(state), state)
        index = np.where(again, _permuted(position, state, mask), index)
    return index, position, state


def _permuted(x: Integers, key: Integers, mask: Integers) -> Integers:
    for j, (a, b) in enumerate(_SHIFTS):
        x = (x + _rotate_right(key, 8 * j)) & mask
        x = x ^ (x >> a)
        x = (x + (x << b)) & mask
    return x


def _points(phase: Integers, bits: int) -> Integers:
    """Return which of the points of its cycle an oscillator is at."""
    return phase // ((1 << bits) // PHASE_STEPS)


def _parity(word: Integers) -> Integers:
    """Return 1 where the number of ones, below 2**32, is odd."""
    for distance in (16, 8, 4, 2, 1):
        word = word ^ (word >> distance)
    return word & 1


def _rotate_right(word: Integers, distance: int) -> Integers:
    return ((word >> distance) | (word << (32 - distance))) & 0xFFFFFFFF


def _ones_up_to(value: Integers) -> Integers:
    """Return the least 2**k - 1 that is at least `value`, below 2**32."""
    for distance in (1, 2, 4, 8, 16):
        value = value | (value >> distance)
    return value

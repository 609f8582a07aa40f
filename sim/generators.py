"""The generators of the specification, one row a lane: random words, perturbations, the shuffle."""

import numpy as np

from pmgd.gateware.seeds import lfsr_taps
from pmgd.sim.lanes import Integers, Mask, choose

__all__ = [
    "advance_perturbers", "draw_samples", "lfsr_next", "perturbation_signs", "shuffled_index",
    "xorshift32",
]  # fmt: skip

_SHIFTS = ((1, 7), (4, 1), (3, 6), (3, 2))
"""a and b of the shuffle's four rounds."""


def xorshift32(state: Integers) -> Integers:
    """Advance 32-bit xorshift generators (Marsaglia 2003) with shifts 13, 17, 5."""
    state = state ^ ((state << 13) & 0xFFFFFFFF)
    state ^= state >> 17
    return state ^ ((state << 5) & 0xFFFFFFFF)


def lfsr_next(state: Integers, bits: int) -> Integers:
    """Advance Fibonacci LFSRs of `bits` bits, that shift right."""
    feedback = np.zeros_like(state)
    for tap in lfsr_taps(bits):
        feedback ^= state >> (bits - tap)
    return (state >> 1) | ((feedback & 1) << (bits - 1))


def advance_perturbers(
    kind: str, own: Integers, shared: Integers, lfsr_bits: int
) -> tuple[Integers, Integers]:
    """Advance the perturbers of every lane.

    Parameters
    ----------
    kind
        `Fabric.perturbation`.
    own, shared
        Shapes (B, P) and (B,): each parameter's own state, and what a lane's parameters share.
    lfsr_bits
        Width of the LFSRs.

    Returns
    -------
    The states that follow, in new arrays.
    """
    if kind == "lfsr":
        return lfsr_next(own, lfsr_bits), shared
    if kind == "walsh":
        return own, (shared + 1) & ((1 << own.shape[1].bit_length()) - 1)
    following = np.roll(own, 1, axis=1)
    if kind == "chain":
        shared = lfsr_next(shared, lfsr_bits)
        following[:, 0] = shared & 1
    return following, shared


def perturbation_signs(kind: str, own: Integers, shared: Integers) -> Integers:
    """Return s, shape (B, P), of perturbers in the given states."""
    if kind == "sequential":
        return own
    if kind != "walsh":
        return 2 * (own & 1) - 1
    rows = np.arange(1, own.shape[1] + 1)  # row 0 is nobody's
    return 1 - 2 * _parity(shared[:, None] & rows)


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

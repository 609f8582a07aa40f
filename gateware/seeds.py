"""One seed, expanded to the initial parameters and to the state of every generator.

Weak seeding fails silently: perturbers whose seeds are linearly dependent in threes have signs
that multiply to a constant for ever, and second-order terms of the cost then look like gradient.
The perturbers' seeds drawn here are distinct, full width, of full rank, and free of XOR-triples.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from pmgd.gateware.layout import DEFECTS
from pmgd.gateware.spec import OSCILLATORS

__all__ = ["Seeds", "chain_is_independent", "expand", "lfsr_taps", "splitmix64"]

_MASK64 = (1 << 64) - 1

# Exponents of a primitive polynomial for each width (maximal-length feedback taps).
_TAPS = {
    8: (8, 6, 5, 4), 9: (9, 5), 10: (10, 7), 11: (11, 9), 12: (12, 6, 4, 1),
    13: (13, 4, 3, 1), 14: (14, 5, 3, 1), 15: (15, 14), 16: (16, 15, 13, 4), 17: (17, 14),
    18: (18, 11), 19: (19, 6, 2, 1), 20: (20, 17), 21: (21, 19), 22: (22, 21), 23: (23, 18),
    24: (24, 23, 22, 17), 25: (25, 22), 26: (26, 6, 2, 1), 27: (27, 5, 2, 1), 28: (28, 25),
    29: (29, 27), 30: (30, 6, 4, 1), 31: (31, 28), 32: (32, 22, 2, 1),
}  # fmt: skip


def lfsr_taps(bits: int) -> tuple[int, ...]:
    """Return the feedback exponents of a maximal-length LFSR of 8 to 32 bits."""
    return _TAPS[bits]


def splitmix64(seed: int) -> Iterator[int]:
    """Yield the 64-bit outputs of SplitMix64 (Steele, Lea and Flood 2014)."""
    state = seed & _MASK64
    while True:
        state = (state + 0x9E3779B97F4A7C15) & _MASK64
        z = state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK64
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK64
        yield z ^ (z >> 31)


@dataclass(frozen=True)
class Seeds:
    """Initial states.

    Attributes
    ----------
    perturbers
        Shape (P,), each parameter's own state: a nonzero LFSR state (lfsr), a phase (square,
        sine), a bit (chain, sequential) or 0 (walsh, which has none).
    perturber_state
        What the perturbers share: the chain's LFSR, the counter of the Walsh code, or 0.
    order, rounding
        Nonzero 32-bit states of the sample-order and rounding generators.
    uniform
        Shape (P,), reals in [-1, 1) from which the host scales the initial parameters.
    noise
        Nonzero 32-bit state of the generator of the noise.
    normal
        Shape (neurons, 4), standard normal deviates from which the host scales the defects.
    """

    perturbers: NDArray[np.int64]
    perturber_state: int
    order: int
    rounding: int
    uniform: NDArray[np.float64]
    noise: int
    normal: NDArray[np.float64]


def expand(
    seed: int, parameters: int, bits: int, perturbation: str = "lfsr", neurons: int = 0
) -> Seeds:
    """Expand a seed; each purpose has a stream of its own, so adding one never moves another.

    With an LFSR for every parameter, at most ``2**(bits / 2)`` parameters leave at least half
    of all seeds to draw from; the plan refuses more. A chain begins as its generator would have
    filled it. The Walsh code begins with its first column, sequential with the first parameter.
    Oscillators begin anywhere.

    Parameters
    ----------
    seed
        Any 64 bits.
    parameters
        Number of parameters, P.
    bits
        Width of the LFSRs, or of the phases of oscillators.
    perturbation
        See `pmgd.gateware.spec.Fabric`.
    neurons
        Number of neurons that have defects.
    """
    purposes = splitmix64(seed)
    perturbers, order, rounding, uniform, noise, defects = (
        splitmix64(next(purposes)) for _ in range(6)
    )
    draws = [next(uniform) for _ in range(parameters)]
    shared = 0
    if perturbation == "lfsr":
        own = _independent(perturbers, parameters, bits)
    elif perturbation == "chain":
        own, shared = _filled_chain(_nonzero(perturbers, bits), parameters, bits)
    elif perturbation in OSCILLATORS:
        own = np.array([next(perturbers) >> (64 - bits) for _ in range(parameters)], np.int64)
    else:
        own = np.zeros(parameters, dtype=np.int64)
        if perturbation == "walsh":
            shared = (1 << parameters.bit_length()) - 1  # advanced first: column 0
        else:
            own[-1] = 1  # advanced first: parameter 0
    return Seeds(
        perturbers=own,
        perturber_state=shared,
        order=_nonzero(order, 32),
        rounding=_nonzero(rounding, 32),
        uniform=np.array([(draw >> 11) / 2.0**52 - 1.0 for draw in draws]),
        noise=_nonzero(noise, 32),
        normal=np.array(
            [_normal(next(defects)) for _ in range(neurons * len(DEFECTS))], np.float64
        ).reshape(neurons, len(DEFECTS)),
    )


def chain_is_independent(lfsr_bits: int, parameters: int) -> bool:
    """Return whether no sign of a shift chain of one LFSR is ever the product of two others.

    Sign i is the LFSR's sequence delayed by i, so three signs multiply to a constant for ever
    exactly if the LFSR's polynomial divides ``1 + x**a + x**b`` for some a < b < P.
    """
    feedback = sum(1 << (lfsr_bits - tap) for tap in lfsr_taps(lfsr_bits))  # x**L, reduced
    power, powers = 1, set()
    for _ in range(parameters - 1):
        power <<= 1
        if power >> lfsr_bits:
            power = power & ((1 << lfsr_bits) - 1) ^ feedback
        if power ^ 1 in powers:
            return False
        powers.add(power)
    return True


def _filled_chain(state: int, parameters: int, bits: int) -> tuple[NDArray[np.int64], int]:
    signs = []
    for _ in range(parameters):
        feedback = sum(state >> (bits - tap) for tap in lfsr_taps(bits)) & 1
        state = state >> 1 | feedback << (bits - 1)
        signs.append(state & 1)
    return np.array(signs[::-1], dtype=np.int64), state


def _normal(draw: int) -> float:
    return NormalDist().inv_cdf(((draw >> 12) + 0.5) / 2.0**52)


def _nonzero(stream: Iterator[int], bits: int) -> int:
    return next(word for word in (draw >> (64 - bits) for draw in stream) if word)


def _independent(stream: Iterator[int], count: int, bits: int) -> NDArray[np.int64]:
    chosen: list[int] = []
    pairs: set[int] = set()
    basis: list[int] = []
    while len(chosen) < count:
        word = _nonzero(stream, bits)
        residue = word
        for vector in basis:
            residue = min(residue, residue ^ vector)
        if residue:
            basis.append(residue)
        elif len(basis) < min(count, bits):
            continue  # rank first: every seed is independent until the space is full
        if word in chosen or word in pairs:
            continue  # a repeated sign, or the product of two others
        pairs.update(word ^ other for other in chosen)
        chosen.append(word)
    return np.array(chosen, dtype=np.int64)

"""One seed becomes independent generators."""

import itertools
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pmgd.gateware.layout import MAX_PARAMETERS
from pmgd.gateware.seeds import chain_is_independent, expand, lfsr_taps, splitmix64

WIDTHS = range(8, 33)


def prime_factors(n: int) -> set[int]:
    factors = set()
    divisor = 2
    while divisor * divisor <= n:
        while n % divisor == 0:
            factors.add(divisor)
            n //= divisor
        divisor += 1
    return factors | ({n} if n > 1 else set())


def power_of_x(exponent: int, polynomial: int) -> int:
    """x to a power, modulo a polynomial over GF(2); bit k of a number is the coefficient of x^k."""
    degree = polynomial.bit_length() - 1
    result = 1
    for bit in f"{exponent:b}":
        square = 0
        for k in range(degree):
            square ^= (result >> k & 1) << 2 * k
        if bit == "1":
            square <<= 1
        for k in range(square.bit_length() - 1, degree - 1, -1):
            if square >> k & 1:
                square ^= polynomial << (k - degree)
        result = square
    return result


def recurrence(bits: int) -> int:
    """Characteristic polynomial of the sequence of bit 0.

    The state at n holds the terms n to n + L - 1, and the feedback makes the term n + L the sum of
    the terms n + L - t.
    """
    return (1 << bits) ^ sum(1 << (bits - t) for t in lfsr_taps(bits))


def advance(state: int, bits: int) -> int:
    feedback = 0
    for t in lfsr_taps(bits):
        feedback ^= state >> (bits - t) & 1
    return state >> 1 | feedback << (bits - 1)


@pytest.mark.parametrize("bits", WIDTHS)
def test_taps_are_of_a_primitive_polynomial(bits: int) -> None:
    """The order of x is 2^L - 1: it divides that, and none of its largest proper divisors."""
    assert max(lfsr_taps(bits)) == bits
    assert len(set(lfsr_taps(bits))) == len(lfsr_taps(bits))
    order, polynomial = (1 << bits) - 1, recurrence(bits)
    assert power_of_x(order, polynomial) == 1
    for prime in prime_factors(order):
        assert power_of_x(order // prime, polynomial) != 1, prime


@pytest.mark.parametrize("bits", range(8, 17))
def test_period_by_counting(bits: int) -> None:
    state, period = advance(1, bits), 1
    while state != 1:
        state, period = advance(state, bits), period + 1
    assert period == (1 << bits) - 1


@pytest.mark.parametrize("bits", WIDTHS)
def test_generator_follows_its_polynomial(bits: int) -> None:
    """Ties the two tests above together where counting would take too long."""
    state = (1 << bits) - 2
    sequence = []
    for _ in range(3 * bits):
        sequence.append(state & 1)
        state = advance(state, bits)
    for start in range(2 * bits):
        terms = [sequence[start + k] for k in range(bits + 1) if recurrence(bits) >> k & 1]
        assert sum(terms) % 2 == 0


def test_splitmix64_known_answers() -> None:
    # The first outputs of the public-domain reference program for two seeds.
    assert list(itertools.islice(splitmix64(0), 3)) == [
        0xE220A8397B1DCDAF,
        0x6E789E6AA1B965F4,
        0x06C45D188009454F,
    ]
    assert list(itertools.islice(splitmix64(1234567), 5)) == [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
        4593380528125082431,
        16408922859458223821,
    ]


def rank(words: list[int]) -> int:
    """Rank over GF(2), by elimination from the highest bit down."""
    rows, found = list(words), 0
    for bit in range(31, -1, -1):
        pivot = next((row for row in rows if row >> bit & 1), None)
        if pivot is not None:
            found += 1
            rows.remove(pivot)
            rows = [row ^ pivot if row >> bit & 1 else row for row in rows]
    return found


SIZES = [(1, 8), (9, 8), (9, 16), (16, 8), (17, 16), (220, 16), (40, 32), (256, 16)]


@pytest.mark.parametrize(("parameters", "bits"), SIZES)
def test_perturbers_are_independent(parameters: int, bits: int, random_seed: int) -> None:
    for seed in range(random_seed, random_seed + 5):
        words = [int(word) for word in expand(seed, parameters, bits).perturbers]
        assert len(words) == parameters
        assert min(words) > 0
        assert max(words) < 1 << bits
        assert rank(words) == min(parameters, bits)
        chosen = set(words)
        assert len(chosen) == parameters
        assert not any(a ^ b in chosen for a, b in itertools.combinations(words, 2))


# -- A chain --------------------------------------------------------------------------------------


def whole_sequence(bits: int) -> np.ndarray:
    """Bit 0 of an LFSR, over its period."""
    state, sequence = 1, []
    for _ in range((1 << bits) - 1):
        state = advance(state, bits)
        sequence.append(state & 1)
    return np.array(sequence, dtype=np.int8)


def signs_are_independent(sequence: np.ndarray, parameters: int) -> bool:
    """Whether no sign's whole sequence is, or is opposite to, the product of two others'."""
    signs = np.array([np.roll(sequence, delay) for delay in range(parameters)])
    known = {row.tobytes() for row in signs} | {(1 - row).tobytes() for row in signs}
    return not any((a ^ b).tobytes() in known for a, b in itertools.combinations(signs, 2))


@pytest.mark.parametrize("bits", range(8, 14))
def test_independence_of_a_chain_by_comparing_whole_sequences(bits: int) -> None:
    """For every length up to the first that is not, and some beyond."""
    sequence = whole_sequence(bits)
    for parameters in range(1, 128):
        expected = signs_are_independent(sequence, parameters)
        assert chain_is_independent(bits, parameters) == expected, parameters
        if not expected:
            assert not chain_is_independent(bits, parameters + 1)
            assert not chain_is_independent(bits, 4 * parameters)
            break
    else:
        pytest.fail("the brute force never found a dependent chain")


def test_a_feedback_of_two_taps_makes_its_own_triple() -> None:
    """Its polynomial is 1 + x^a + x^L itself, so a chain of L + 1 is dependent, and none of L."""
    for bits in WIDTHS:
        if len(lfsr_taps(bits)) == 2:
            assert chain_is_independent(bits, bits)
            assert not chain_is_independent(bits, bits + 1)


def test_the_widest_generator_suits_every_number_of_parameters() -> None:
    assert chain_is_independent(32, MAX_PARAMETERS)


@given(seed=st.integers(0, (1 << 64) - 1), parameters=st.integers(1, 100), bits=st.integers(8, 32))
def test_a_chain_begins_as_its_generator_would_have_filled_it(
    seed: int, parameters: int, bits: int
) -> None:
    seeds = expand(seed, parameters, bits, "chain")
    assert 0 < seeds.perturber_state < 1 << bits
    assert seeds.perturbers.shape == (parameters,)
    # Back from its state: bit 0 after n advances is p_0 then, and after P of them p_(P - 1) is the
    # first; so the chain, from its end, must be the sequence up to the state.
    before = retreat(seeds.perturber_state, bits, parameters)
    signs = [0] * parameters
    for _ in range(parameters):
        before = advance(before, bits)
        signs = [before & 1, *signs[:-1]]
    assert before == seeds.perturber_state
    assert seeds.perturbers.tolist() == signs


def retreat(state: int, bits: int, count: int) -> int:
    """Undo advances: the bit that was shifted out is what completes the feedback."""
    for _ in range(count):
        entered = state >> (bits - 1)
        state = state << 1 & ((1 << bits) - 1)
        for t in lfsr_taps(bits):
            if t != bits:
                entered ^= state >> (bits - t) & 1
        state |= entered
    return state


def test_retreat_undoes_advance() -> None:
    for bits in WIDTHS:
        state = (1 << bits) - 3
        assert retreat(advance(state, bits), bits, 1) == state


# -- Codes without a generator --------------------------------------------------------------------


@pytest.mark.parametrize("parameters", [1, 2, 3, 4, 7, 8, 9, 220])
def test_walsh_begins_with_column_zero_of_an_orthogonal_code(parameters: int) -> None:
    seeds = expand(5, parameters, 16, "walsh")
    assert seeds.perturbers.tolist() == [0] * parameters
    length = seeds.perturber_state + 1
    assert length & (length - 1) == 0
    assert parameters < length <= 2 * parameters
    state, columns = seeds.perturber_state, []
    for _ in range(length):
        state = (state + 1) % length
        columns.append([1 - 2 * ((state & (i + 1)).bit_count() % 2) for i in range(parameters)])
    assert columns[0] == [1] * parameters
    # Rows are orthogonal to each other, and to the constant cost of the baseline.
    rows = np.array(columns).T
    assert np.array_equal(rows @ rows.T, length * np.eye(parameters, dtype=int))
    assert not rows.sum(axis=1).any()


@pytest.mark.parametrize("parameters", [1, 2, 9])
def test_sequential_begins_with_the_first_parameter(parameters: int) -> None:
    seeds = expand(5, parameters, 16, "sequential")
    assert seeds.perturber_state == 0
    bits = seeds.perturbers.tolist()
    for turn in range(2 * parameters):
        bits = [bits[-1], *bits[:-1]]
        assert bits == [int(i == turn % parameters) for i in range(parameters)]


@given(seed=st.integers(0, (1 << 64) - 1))
def test_the_perturbation_moves_no_other_stream(seed: int) -> None:
    plain = expand(seed, 9, 16)
    assert plain.perturber_state == 0
    for perturbation in ("chain", "walsh", "sequential", "square", "sine"):
        other = expand(seed, 9, 16, perturbation, 3)
        assert (other.order, other.rounding) == (plain.order, plain.rounding)
        assert other.noise == plain.noise
        assert np.array_equal(other.normal, expand(seed, 9, 16, neurons=3).normal)
        assert np.array_equal(other.uniform, plain.uniform)
        assert other.perturbers.dtype == plain.perturbers.dtype


# -- Oscillators ----------------------------------------------------------------------------------


@pytest.mark.parametrize("perturbation", ["square", "sine"])
@pytest.mark.parametrize("bits", [6, 9, 24])
def test_oscillators_begin_anywhere(perturbation: str, bits: int, random_seed: int) -> None:
    seeds = expand(random_seed, 1000, bits, perturbation)
    assert seeds.perturber_state == 0
    assert seeds.perturbers.shape == (1000,)
    # In every eighth of the cycle about as many; the deviation is about 10.
    eighths = np.bincount(seeds.perturbers >> (bits - 3), minlength=8)
    assert len(eighths) == 8
    assert np.abs(eighths - 125).max() < 70
    # More of them leave those before where they were.
    assert np.array_equal(
        expand(random_seed, 9, bits, perturbation).perturbers, seeds.perturbers[:9]
    )


# -- All ------------------------------------------------------------------------------------------


def test_the_check_for_triples_is_needed() -> None:
    """Plain draws of the same size do hold triples, so their absence above is no accident."""
    draws = [word >> 48 for word in itertools.islice(splitmix64(0), 220)]
    chosen = set(draws)
    assert any(a ^ b in chosen for a, b in itertools.combinations(draws, 2))


@given(seed=st.integers(0, (1 << 64) - 1))
def test_ranges(seed: int) -> None:
    seeds = expand(seed, 9, 16)
    assert 0 < seeds.order < 1 << 32
    assert 0 < seeds.rounding < 1 << 32
    assert 0 < seeds.noise < 1 << 32
    assert len({seeds.order, seeds.rounding, seeds.noise}) == 3
    assert seeds.normal.shape == (0, 4)
    assert seeds.uniform.shape == (9,)
    assert seeds.uniform.min() >= -1
    assert seeds.uniform.max() < 1


@given(seed=st.integers(0, (1 << 64) - 1))
def test_streams_do_not_move_each_other(seed: int) -> None:
    small, large = expand(seed, 9, 16, neurons=2), expand(seed, 30, 32, neurons=11)
    assert (small.order, small.rounding) == (large.order, large.rounding)
    assert small.noise == large.noise
    assert np.array_equal(small.normal, large.normal[:2])
    assert np.array_equal(small.uniform, large.uniform[:9])


def test_uniform_is_uniform() -> None:
    """The largest gap to the exact distribution stays below 1.95 / sqrt(n): p = 0.001, one seed."""
    sample = np.sort(expand(0, 1024, 32).uniform)
    exact = (sample + 1) / 2
    steps = np.arange(len(sample) + 1) / len(sample)
    gap = max(np.abs(exact - steps[1:]).max(), np.abs(exact - steps[:-1]).max())
    assert gap < 1.95 / np.sqrt(len(sample))


def test_normal_is_normal() -> None:
    """The largest gap to the exact distribution stays below 1.95 / sqrt(n): p = 0.001, one seed."""
    sample = np.sort(expand(0, 1, 32, neurons=1000).normal.ravel())
    assert sample.shape == (4000,)
    exact = np.array([NormalDist().cdf(value) for value in sample])
    steps = np.arange(len(sample) + 1) / len(sample)
    gap = max(np.abs(exact - steps[1:]).max(), np.abs(exact - steps[:-1]).max())
    assert gap < 1.95 / np.sqrt(len(sample))


def test_a_seed_always_means_the_same() -> None:
    """Runs are repeated by their seed: if these must change, every published run becomes another.

    Then put the new numbers here and say so in the changelog.
    """
    seeds = expand(0, 9, 16)
    assert seeds.perturbers.tolist() == [
        42758,
        45954,
        25370,
        43018,
        51637,
        9583,
        51029,
        17374,
        24591,
    ]
    assert (seeds.order, seeds.rounding) == (1186414201, 3995554233)
    assert seeds.uniform[:3].tolist() == [
        -0.3896108031289425,
        0.28047381376789304,
        0.1123382341410677,
    ]
    seeds = expand(0, 3, 9, "sine", 1)
    assert seeds.perturbers.tolist() == [42758 >> 7, 45954 >> 7, 25370 >> 7]  # of the same draws
    assert seeds.noise == 1184154459
    normal = [-1.4224201257982758, -0.41498074302409665, -2.470615209766794, -0.20080254793196986]
    assert seeds.normal.tolist() == [pytest.approx(normal, rel=1e-12)]
    chain = expand(0, 9, 16, "chain")
    assert (chain.perturbers.tolist(), chain.perturber_state) == (
        [1, 1, 0, 0, 0, 0, 0, 1, 1],
        53203,
    )

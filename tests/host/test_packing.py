import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pmgd.host.packing import bits_to_words, fields_from_bits, fields_to_bits, words_to_bits


@st.composite
def tables(draw):
    fields = draw(st.lists(st.tuples(st.integers(0, 48), st.booleans()), min_size=1, max_size=6))
    rows = draw(st.integers(1, 5))
    ranges = [
        (0, 0) if not width else (-(1 << width - 1), (1 << width - 1) - 1) if signed
        else (0, (1 << width) - 1)
        for width, signed in fields
    ]  # fmt: skip
    values = [[draw(st.integers(*bounds)) for bounds in ranges] for _ in range(rows)]
    return np.array(values, dtype=np.int64), *map(list, zip(*fields, strict=True))


@given(tables())
def test_fields_survive_bits_and_words(table):
    values, widths, signed = table
    bits = fields_to_bits(values, widths)
    assert bits.shape == (len(values), sum(widths))
    words = bits_to_words(bits.reshape(-1))
    back = words_to_bits(words, bits.size).reshape(bits.shape)
    assert np.array_equal(fields_from_bits(back, widths, signed), values)


def test_the_first_field_lies_in_the_low_bits():
    bits = fields_to_bits(np.array([[-2, 0b101]], dtype=np.int64), [4, 3])
    assert bits_to_words(bits).tolist() == [[0b101_1110]]


def test_rows_are_padded_to_whole_words():
    bits = np.ones((2, 33), dtype=np.uint8)
    assert bits_to_words(bits).tolist() == [[0xFFFFFFFF, 1]] * 2

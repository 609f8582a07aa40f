import numpy as np
import pytest

from pmgd.host.nist7x7 import CLASSES, nist7x7

PER_CLASS = 9 * (1 + 49 + 49 * 48 // 2)


@pytest.fixture(scope="module")
def samples():
    return nist7x7()


def test_there_are_44136_balanced_samples_of_zeros_and_ones(samples):
    x, y = samples
    assert x.shape == (44_136, 49)
    assert y.shape == (44_136, 4)
    assert x.dtype == y.dtype == np.float64
    assert set(np.unique(x)) == {0.0, 1.0}
    assert PER_CLASS == 11_034
    assert y.tolist() == np.eye(4).repeat(PER_CLASS, axis=0).tolist()


def test_samples_are_distinct_within_a_class_and_54_are_both_i_and_t(samples):
    x, _ = samples
    classes = [{row.tobytes() for row in part} for part in x.reshape(4, PER_CLASS, 49)]
    assert [len(patterns) for patterns in classes] == [PER_CLASS] * 4
    # Four pixels tell I from T at one place; flip any two of them in either: 9 * 6 coincide.
    shared = {
        CLASSES[a] + CLASSES[b]: len(classes[a] & classes[b]) for a in range(4) for b in range(a)
    }
    assert shared == {"IN": 0, "SN": 0, "SI": 0, "TN": 0, "TI": 54, "TS": 0}


def test_the_order_is_the_documented_one(samples):
    x, _ = samples
    places = x.reshape(4, 9, 1226, 7, 7)
    letters = ["\n".join("".join("#" if p else "." for p in row) for row in letter[4, 0])
               for letter in places]  # fmt: skip
    assert letters == [
        ".......\n.#...#.\n.##..#.\n.#.#.#.\n.#..##.\n.#...#.\n.......",
        ".......\n.#####.\n...#...\n...#...\n...#...\n.#####.\n.......",
        ".......\n.#####.\n.#.....\n.#####.\n.....#.\n.#####.\n.......",
        ".......\n.#####.\n...#...\n...#...\n...#...\n...#...\n.......",
    ]
    for place, (top, left) in enumerate((top, left) for top in range(3) for left in range(3)):
        shifted = np.roll(places[:, 4, 0], (top - 1, left - 1), axis=(1, 2))
        assert (places[:, place, 0] == shifted).all()
    flips = x.reshape(4, 9, 1226, 49) != x.reshape(4, 9, 1226, 49)[:, :, :1]
    assert (flips == flips[0, 0]).all()
    where = [tuple(int(i) for i in np.flatnonzero(row)) for row in flips[0, 0]]
    assert where == [(), *((i,) for i in range(49)),
                     *((i, j) for i in range(49) for j in range(i + 1, 49))]  # fmt: skip


def test_a_linear_solve_scores_what_the_patent_says(samples):
    x, y = samples
    with_bias = np.hstack([x, np.ones((len(x), 1))])
    weights = np.linalg.lstsq(with_bias, y, rcond=None)[0]
    right = (with_bias @ weights).argmax(axis=1) == y.argmax(axis=1)
    assert f"{right.mean():.2%}" == "93.01%"

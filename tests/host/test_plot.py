import warnings

import numpy as np
import pytest
from matplotlib.image import imread

from pmgd.host.history import History
from pmgd.host.plot import plot_curves

WHITE = 1.0


def drawn(tmp_path, timestep, cost, accuracy, solved_cost=0.01):
    path = tmp_path / "curves.png"
    history = History(np.array(timestep), np.array(cost, float), np.array(accuracy, float))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        plot_curves(history, "a run", solved_cost, path)
    return imread(path)[..., :3]


@pytest.mark.parametrize(
    ("timestep", "cost", "accuracy"),
    [
        ([0], [0.25], [0.5]),
        ([0, 10, 20], [0.25, 0.0, 0.0], [0.5, 1, 1]),  # a cost of 0 has no logarithm
        ([0, 5], [0.0, 0.0], [0, 0]),
        (range(0, 5100, 51), np.geomspace(1, 1e-5, 100), np.linspace(0, 1, 100)),
        ([0, 10**12], [0.25, 0.2], [0.1, 0.2]),
    ],
)
def test_any_history_can_be_drawn(tmp_path, timestep, cost, accuracy):
    image = drawn(tmp_path, timestep, cost, accuracy)
    assert image.shape == (960, 1280, 3)
    assert (image != WHITE).any()


def test_the_curves_follow_the_history(tmp_path):
    falling = drawn(tmp_path, [0, 100], [1, 0.001], [0, 1])
    rising = drawn(tmp_path, [0, 100], [0.001, 1], [1, 0])
    blue = falling[..., 2] - falling[..., 0] > 0.3
    other = rising[..., 2] - rising[..., 0] > 0.3
    left, right = slice(0, 400), slice(880, 1280)
    assert rows(blue[:, left]) < rows(blue[:, right])  # the first row is the top
    assert rows(other[:, left]) > rows(other[:, right])


def rows(mask):
    return np.nonzero(mask)[0].mean()


def test_the_threshold_is_drawn_unless_it_is_0(tmp_path):
    with_line = drawn(tmp_path, [0, 100], [1, 0.001], [0, 1], 0.01)
    without = drawn(tmp_path, [0, 100], [1, 0.001], [0, 1], 0.0)
    assert (with_line != without).any()

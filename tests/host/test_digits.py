import sys

import numpy as np
import pytest

from pmgd.gateware.errors import ToolError
from pmgd.gateware.formats import Format
from pmgd.host.digits import digits
from pmgd.host.quantisation import quantise_samples


def test_there_are_1797_digits_in_sixteenths():
    x, labels = digits()
    assert x.shape == (1797, 64)
    assert x.dtype == np.float64
    assert (x.min(), x.max()) == (0.0, 1.0)
    assert set(np.unique(x * 16)) == set(range(17))
    assert labels[:10].tolist() == list(range(10))
    assert np.bincount(labels).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]


def test_pixels_run_row_by_row():
    x, _ = digits()
    zero = (x[0].reshape(8, 8) * 16).astype(int)
    assert zero[0].tolist() == [0, 0, 5, 13, 9, 1, 0, 0]
    assert zero[3].tolist() == [0, 4, 12, 0, 0, 8, 8, 0]


def test_the_format_u1_4_holds_them_exactly():
    _, report = quantise_samples(digits()[0], Format.parse("U1.4"), "inputs")
    assert report.largest_error == 0


def test_without_scikit_learn_the_message_says_what_to_install(monkeypatch):
    for name in ("sklearn", "sklearn.datasets"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ToolError, match=r"scikit-learn, .*: pip install 'pmgd\[data\]'"):
        digits()

import numpy as np
import pytest

from pmgd.gateware.errors import DataError
from pmgd.gateware.formats import Format
from pmgd.gateware.spec import Network
from pmgd.host.quantisation import quantise_samples
from pmgd.host.samples import check_inputs, check_samples

ONE = Network(layers=(2, 2, 1))
THREE = Network(layers=(2, 3))


def test_one_output_takes_targets_in_one_dimension_or_two():
    x = [[0, 1], [1, 0]]
    for y in ([0, 1], [[0], [1]]):
        inputs, targets = check_samples(x, y, ONE)
        assert inputs.tolist() == [[0.0, 1.0], [1.0, 0.0]]
        assert targets.tolist() == [[0.0], [1.0]]


def test_several_outputs_take_class_labels():
    _, targets = check_samples(np.zeros((3, 2)), [2, 0, 1], THREE)
    assert targets.tolist() == [[0, 0, 1], [1, 0, 0], [0, 1, 0]]


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.zeros((4, 3)), r"shape \(samples, 2\) for network.layers \[2, 2, 1\], not \(4, 3\)"),
        (np.zeros(4), r"not \(4,\)"),
        (np.zeros((0, 2)), r"at least one sample, not none"),
        ([[0, np.nan]], r"finite numbers, not nan at index \(0, 1\)"),
        ([[0, 1], [0, -np.inf], [np.inf, 0]], r"not -inf at index \(1, 1\); .* 2 such"),
        ([["a", "b"]], r"array of real numbers"),
        ([[0, 1], [0]], r"array of real numbers"),
        (None, r"inputs must"),
    ],
)
def test_inputs_that_do_not_fit_are_refused(x, message):
    with pytest.raises(DataError, match=message):
        check_inputs(x, ONE)


@pytest.mark.parametrize(
    ("network", "y", "message"),
    [
        (ONE, [0, 1, 1], r"shape \(2, 1\), for 2 samples .*, not \(3, 1\)"),
        (ONE, [[0, 1], [1, 0]], r"not \(2, 2\)"),
        (ONE, [0, np.nan], r"targets must be finite numbers, not nan at index \(1,\)"),
        (THREE, [0, 3], r"class labels from 0 to 2, .* not 3"),
        (THREE, [0.5, 0], r"class labels from 0 to 2, .* not 0\.5"),
        (THREE, [[0], [1]], r"shape \(2, 3\).*not \(2, 1\)"),
    ],
)
def test_targets_that_do_not_fit_are_refused(network, y, message):
    with pytest.raises(DataError, match=message):
        check_samples(np.zeros((2, 2)), y, network)


def test_values_are_rounded_to_the_nearest_but_never_clipped():
    u08 = Format.parse("U0.8")
    assert quantise_samples(np.array([[0.0, 0.5001]]), u08, "inputs")[0].tolist() == [[0, 128]]
    with pytest.raises(DataError, match=r"from 0 to 0\.996094.*U0\.8, not from 0 to 1"):
        quantise_samples(np.array([[0.0, 1.0]]), u08, "inputs")


def test_a_fraction_in_a_format_without_one_is_refused():
    with pytest.raises(DataError, match=r"whole numbers from 0 to 1 in .*target U1\.0, not 0\.3"):
        quantise_samples(np.array([[0.0, 0.3]]), Format.parse("U1.0"), "targets")

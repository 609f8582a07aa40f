"""The correlator's four cases: the sign of a product is the product of the signs."""

from datapath import play

from pmgd.gateware.correlator import Correlator


def test_sign_of_product() -> None:
    dut = Correlator()
    cases = [(positive, negative) for positive in (0, 1) for negative in (0, 1)]
    signs = [(int((1 if p else -1) * (-1 if n else 1) > 0),) for p, n in cases]
    assert play(dut, (dut.positive, dut.negative), cases, (dut.error_positive,)) == signs

"""The adder that also subtracts, for every pair of operands whose result fits."""

from itertools import product

from datapath import play

from pmgd.gateware.add_sub import AddSub


def test_every_result() -> None:
    dut = AddSub(5)
    cases = {
        (a, b, subtract): (a - b if subtract else a + b,)
        for a, b, subtract in product(range(-16, 16), range(-16, 16), (0, 1))
    }
    fitting = {case: result for case, result in cases.items() if -16 <= result[0] < 16}
    seen = play(dut, (dut.a, dut.b, dut.subtract), list(fitting), (dut.result,))
    assert seen == list(fitting.values())

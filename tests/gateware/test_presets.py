"""Every preset can be had by its name, and gives a plan."""

import tomllib

import pytest

from pmgd.gateware.errors import SpecError
from pmgd.gateware.formats import Format
from pmgd.gateware.plan import Plan
from pmgd.gateware.presets import (
    PRESETS,
    nist7x7,
    nist7x7_analog,
    nist7x7_fast,
    preset,
    xor,
    xor_analog,
    xor_fast,
)
from pmgd.gateware.spec import Spec


@pytest.mark.parametrize("make", PRESETS)
def test_presets_have_the_name_of_their_function(make) -> None:
    spec = make()
    assert spec.name == make.__name__
    assert preset(spec.name) == spec
    assert Plan(spec).parameters > 0
    assert make.__doc__


@pytest.mark.parametrize("make", PRESETS)
def test_presets_are_what_their_words_say(make) -> None:
    plan = Plan(make())
    shape = "-".join(map(str, plan.spec.network.layers))
    assert f"{shape} network of {plan.parameters} parameters" in make.__doc__
    assert Spec.from_mapping(plan.spec.to_mapping()) == plan.spec


def test_presets_are_not_each_other() -> None:
    assert len({Plan(make()).digest for make in PRESETS}) == len(PRESETS)


@pytest.mark.parametrize("make", PRESETS)
def test_presets_train_as_the_readme_says(make) -> None:
    """Random codes and plain updates, by all the defaults, those that are neither fast nor analog.

    The analog ones are Table 2 of the patent: oscillators, and filters that forget.
    """
    fabric, network = make().fabric, make().network
    kinds = ("lfsr", "sample", 0, "update")
    if fabric.pipeline:
        kinds = ("chain", "two_sided", 0, "update")
    if make in (xor_analog, nist7x7_analog):
        kinds = ("sine", "highpass", 4, "timestep")
    chosen = (fabric.perturbation, fabric.baseline, fabric.decay_shift, fabric.decay_every)
    assert chosen == kinds
    assert fabric.correlator == "full"
    assert (fabric.cost_noise, fabric.update_noise, fabric.defects) == (False, "none", False)
    assert (network.cost, network.bias) == ("squared", True)


@pytest.mark.parametrize(
    ("fast", "plain", "interval"), [(xor_fast, xor, 2), (nist7x7_fast, nist7x7, 1)]
)
def test_fast_presets_are_pipelined_and_keep_their_parameters_in_place(
    fast, plain, interval
) -> None:
    plan = Plan(fast())
    assert plan.interval == interval
    assert plan.gradient_bits == 0
    assert plan.holds_in_place
    assert plan.spec.network == plain().network
    assert plan.spec.data == plain().data
    assert [make.__name__ for make in PRESETS if make().fabric.pipeline] == [
        "xor_fast",
        "nist7x7_fast",
    ]


@pytest.mark.parametrize("make", [xor_fast, nist7x7_fast])
def test_multipliers_of_fast_presets_see_dtheta_and_no_more(make) -> None:
    plan = Plan(make())
    assert plan.dtheta_steps() == 1 << plan.operand_shift


@pytest.mark.parametrize(("analog", "plain"), [(xor_analog, xor), (nist7x7_analog, nist7x7)])
def test_analog_presets_train_the_same_networks_in_every_timestep(analog, plain) -> None:
    plan = Plan(analog())
    assert plan.spec.network == plain().network
    assert plan.spec.data == plain().data
    assert plan.leaky
    assert plan.spec.training.tau_theta == 1
    assert plan.spec.training.blank == (plan.spec.training.tau_x > 1)


def test_xor_is_the_recommended_setting() -> None:
    spec = xor()
    assert spec.network.layers == (2, 2, 1)
    assert spec.network.segments == 32
    assert spec.formats.parameter == Format(True, 4, 8)
    assert (spec.formats.rounding, spec.formats.overflow) == ("stochastic", "clip")
    assert (spec.training.eta, spec.training.dtheta) == (0.5, 0.0625)
    # Solved is a summed cost below 0.04; the mean over 4 samples is what is compared.
    assert spec.training.solved_cost == 0.04 / 4


XOR_TOML = """
name = "xor"

[network]
layers = [2, 2, 1]

[training]
eta = 0.5
dtheta = 0.0625
solved_cost = 0.01

[data]
source = "xor"
"""


def test_xor_from_toml_is_the_preset() -> None:
    spec = Spec.from_mapping(tomllib.loads(XOR_TOML))
    assert spec == xor()
    assert Plan(spec).digest == Plan(xor()).digest


@pytest.mark.parametrize("name", ["xnor", "", "XOR", "xor.toml"])
def test_unknown_names_are_refused(name: str) -> None:
    with pytest.raises(SpecError) as caught:
        preset(name)
    names = ", ".join(make.__name__ for make in PRESETS)
    assert str(caught.value) == (
        f"a preset must be one of {names}, not {name!r}; or give the path of a .toml"
    )

"""A spec is validated when it is made, and is the same from Python, mappings and TOML."""

import dataclasses
import json
import tomllib
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pmgd.gateware.errors import PmgdError, SpecError
from pmgd.gateware.formats import Format
from pmgd.gateware.spec import (
    ACTIVATIONS,
    Data,
    Fabric,
    Formats,
    Network,
    Spec,
    Training,
)

EXAMPLE = Spec(
    name="example",
    network=Network(
        layers=(3, 5, 2), activation=("relu", "tanh"), segments=64, bias=False, cost="l1"
    ),
    formats=Formats(
        parameter=Format(True, 5, 10),
        operand_fraction=6,
        activation=(Format(False, 3, 8), Format(True, 1, 9)),
        cost=Format(False, 2, 12),
        overflow="hold",
    ),
    fabric=Fabric(
        pipeline=True,
        copies=2,
        perturbation="chain",
        band=(0.125, 0.375),
        baseline="mean",
        correlator="sign",
        decay_shift=3,
        decay_every="timestep",
        cost_noise=True,
        update_noise="shared",
        defects=True,
        samples=100,
        shuffle=True,
        lfsr_bits=20,
        tau_theta_bits=1,
    ),
    training=Training(
        steps=1000,
        tau_x=4,
        eta=0.25,
        mean_shift=6,
        blank=True,
        sigma_c=0.01,
        sigma_theta=0.5,
        sigma_a=0.25,
        order="shuffled",
        init="glorot",
        seed=7,
    ),
    data=Data(source="task.csv", clip=True),
)

EXAMPLE_TOML = """
name = "example"

[network]
layers = [3, 5, 2]
activation = ["relu", "tanh"]
segments = 64
bias = false
cost = "l1"

[formats]
parameter = "S5.10"
operand_fraction = 6
activation = ["U3.8", "S1.9"]
cost = "U2.12"
overflow = "hold"

[fabric]
pipeline = true
copies = 2
perturbation = "chain"
band = [0.125, 0.375]
baseline = "mean"
correlator = "sign"
decay_shift = 3
decay_every = "timestep"
cost_noise = true
update_noise = "shared"
defects = true
samples = 100
shuffle = true
lfsr_bits = 20
tau_theta_bits = 1

[training]
steps = 1000
tau_x = 4
eta = 0.25
mean_shift = 6
blank = true
sigma_c = 0.01
sigma_theta = 0.5
sigma_a = 0.25
order = "shuffled"
init = "glorot"
seed = 7

[data]
source = "task.csv"
clip = true
"""


def test_toml_and_python_give_the_same_spec() -> None:
    assert Spec.from_mapping(tomllib.loads(EXAMPLE_TOML)) == EXAMPLE


def test_defaults_are_the_same_from_toml() -> None:
    text = 'name = "short"\nnetwork.layers = [2, 1]'
    assert Spec.from_mapping(tomllib.loads(text)) == Spec(
        name="short", network=Network(layers=(2, 1))
    )


def test_example_differs_from_the_defaults_in_every_section() -> None:
    # Without this, a section that TOML loses could go unnoticed above.
    plain = Spec(name="plain", network=Network(layers=(2, 1)))
    for section in dataclasses.fields(Spec):
        assert getattr(EXAMPLE, section.name) != getattr(plain, section.name), section.name


FORMATS = [Format(False, 0, 8), Format(True, 1, 8), Format(False, 4, 8), Format(True, 4, 12)]


@st.composite
def specs(draw: st.DrawFn) -> Spec:
    fraction = draw(st.integers(0, 16))
    parameter = Format(True, draw(st.integers(max(1, 3 - fraction), 24 - fraction)), fraction)
    layers = tuple(draw(st.lists(st.integers(1, 4096), min_size=2, max_size=5)))
    kind, output = st.sampled_from(ACTIVATIONS), st.sampled_from(FORMATS)
    each = {"min_size": len(layers) - 1, "max_size": len(layers) - 1}
    return Spec(
        name=draw(st.sampled_from(["a", "task_2", "Parity"])),
        network=Network(
            layers=layers,
            activation=draw(kind | st.lists(kind, **each).map(tuple)),
            segments=1 << draw(st.integers(1, 10)),
            bias=draw(st.booleans()),
            cost=draw(st.sampled_from(["squared", "l1"])),
        ),
        formats=Formats(
            parameter=parameter,
            operand_fraction=draw(st.integers(0, fraction)),
            input=draw(st.sampled_from([Format(False, 1, 0), Format(True, 2, 6)])),
            target=draw(st.sampled_from([Format(False, 1, 0), Format(False, 1, 7)])),
            activation=draw(st.none() | output | st.lists(output, **each).map(tuple)),
            cost=draw(st.none() | st.just(Format(False, 3, 9))),
            rounding=draw(st.sampled_from(["stochastic", "nearest"])),
            overflow=draw(st.sampled_from(["clip", "hold"])),
        ),
        fabric=Fabric(
            pipeline=draw(st.booleans()),
            copies=draw(st.integers(1, 2)),
            perturbation=draw(
                st.sampled_from(["lfsr", "chain", "walsh", "sequential", "square", "sine"])
            ),
            band=draw(st.sampled_from([(0.0625, 0.4375), (2**-16, 0.5), (1 / 3, 0.4)])),
            baseline=draw(st.sampled_from(["sample", "two_sided", "mean", "highpass", "literal"])),
            correlator=draw(st.sampled_from(["full", "sign"])),
            decay_shift=draw(st.integers(0, 8)),
            decay_every=draw(st.sampled_from(["update", "timestep"])),
            cost_noise=draw(st.booleans()),
            update_noise=draw(st.sampled_from(["none", "each", "shared"])),
            defects=draw(st.booleans()),
            samples=draw(st.integers(1, 1 << 20)),
            shuffle=draw(st.booleans()),
            tau_theta_bits=draw(st.integers(1, 24)),
        ),
        training=Training(
            steps=draw(st.integers(0, (1 << 48) - 1)),
            tau_p=draw(st.integers(1, (1 << 32) - 1)),
            eta=draw(st.floats(0, 1e300)),
            dtheta=draw(st.floats(0, 1e300, exclude_min=True)),
            mean_shift=draw(st.integers(0, 15)),
            blank=draw(st.booleans()),
            sigma_c=draw(st.floats(0, 1e300)),
            sigma_theta=draw(st.floats(0, 1e300)),
            sigma_a=draw(st.floats(0, 1)),
            order=draw(st.sampled_from(["random", "sequential", "shuffled"])),
            init=draw(st.sampled_from(["uniform", "glorot"])),
            seed=draw(st.integers(0, (1 << 64) - 1)),
        ),
        data=Data(clip=draw(st.booleans())),
    )


@given(spec=specs())
def test_mapping_round_trip(spec: Spec) -> None:
    mapping = spec.to_mapping()
    assert Spec.from_mapping(mapping) == spec
    assert Spec.from_mapping(mapping).to_mapping() == mapping
    assert Spec.from_mapping(json.loads(json.dumps(mapping))) == spec  # values are plain


def test_numbers_are_normalised() -> None:
    network = Network(layers=np.array([2, 2, 1]))
    assert network == Network(layers=[2, 2, 1]) == Network(layers=(2, 2, 1))
    assert [type(size) for size in network.layers] == [int, int, int]
    assert type(Training(eta=1).eta) is float
    assert Formats(parameter="S5.9").parameter == Format(True, 5, 9)
    assert Fabric(band=np.array([0.125, 0.25])).band == Fabric(band=[0.125, 0.25]).band
    assert Fabric(band=[0.125, 0.25]).band == (0.125, 0.25)


def test_a_value_for_all_layers_or_one_for_each() -> None:
    network = Network(layers=[3, 5, 2], activation=["relu", "tanh"])
    assert network.activation == network.activations == ("relu", "tanh")
    assert Network(layers=[3, 5, 4, 2], activation="relu").activations == ("relu",) * 3
    assert Network(layers=[3, 5, 2]).activations == ("sigmoid", "sigmoid")
    formats = Formats(activation=["U0.8", Format(True, 1, 8)])
    assert formats.activation == (Format(False, 0, 8), Format(True, 1, 8))
    assert Formats(activation="U0.8").activation == Format(False, 0, 8)
    assert Formats().activation is None


def test_a_spec_is_frozen_and_hashable() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        EXAMPLE.training.eta = 1.0  # type: ignore[misc]
    assert hash(EXAMPLE) == hash(Spec.from_mapping(EXAMPLE.to_mapping()))


def test_with_settings_changes_what_it_names() -> None:
    changed = EXAMPLE.with_settings(
        {"training.eta": 0.5, "formats.cost": "U2.10", "network.layers": [3, 7, 2], "name": "other"}
    )
    assert changed == EXAMPLE.replace(
        name="other",
        network=dataclasses.replace(EXAMPLE.network, layers=(3, 7, 2)),
        formats=dataclasses.replace(EXAMPLE.formats, cost=Format(False, 2, 10)),
        training=dataclasses.replace(EXAMPLE.training, eta=0.5),
    )


def test_with_settings_replaces_whole_lists() -> None:
    changed = EXAMPLE.with_settings({"network.layers": [2, 1], "network.activation": ["tanh"]})
    assert changed.network.activations == ("tanh",)
    assert changed.formats == EXAMPLE.formats  # whether they fit the layers is for the plan to say
    one = changed.with_settings({"network.activation": "relu", "formats.activation": "U2.6"})
    assert (one.network.activation, one.formats.activation) == ("relu", Format(False, 2, 6))
    back = one.with_settings({"formats.activation": None, "formats.cost": None})
    assert (back.formats.activation, back.formats.cost) == (None, None)
    with pytest.raises(SpecError) as caught:
        EXAMPLE.with_settings({"network.layers": [2, 1]})
    assert str(caught.value) == (
        "network.activation must be one value, or one for each of 1 layer(s) of neurons, not 2"
    )


@pytest.mark.parametrize("key", ["eta", "training.etta", "training", "training.eta.x", ""])
def test_with_settings_refuses_other_keys(key: str) -> None:
    with pytest.raises(SpecError) as caught:
        EXAMPLE.with_settings({key: 1})
    message = str(caught.value)
    assert message.startswith("a setting must be one of name, network.layers, network.activation, ")
    assert f"data.clip, not {key!r}" in message


REFUSED: list[tuple[str, Any, str]] = [
    (
        "name",
        "two words",
        "name must be of letters, digits and '_', the first no digit, not 'two wo",
    ),
    ("name", 3, "name must be of letters, digits and '_', the first no digit, not 3"),
    ("network", [2, 1], "network must be a table of settings, not [2, 1]"),
    ("network.layers", "2-2-1", "network.layers must be a list of sizes, not '2-2-1'"),
    ("network.layers", 3, "network.layers must be a list of sizes, not 3"),
    ("network.layers", [3], "network.layers must name at least inputs and outputs, not [3]"),
    ("network.layers", [2, 0], "network.layers must be from 1 to 4096, not 0"),
    ("network.layers", [2, 4097], "network.layers must be from 1 to 4096, not 4097"),
    ("network.layers", [2, 1.5], "network.layers must be an integer from 1 to 4096, not 1.5"),
    ("network.activation", "gelu", "network.activation must be one of sigmoid, tanh, relu, ident"),
    ("network.activation", ["gelu"], "network.activation must be one of sigmoid, tanh, relu, iden"),
    ("network.activation", [["relu"]], "network.activation must be one of sigmoid, tanh, relu, id"),
    ("network.activation", 3, "network.activation must be one of sigmoid, tanh, relu, identity, n"),
    ("network.activation", [], "network.activation must be one value, or one for each of 1 layer("),
    ("network.activation", ["relu"] * 2, "network.activation must be one value, or one for each o"),
    ("network.bias", 1, "network.bias must be true or false, not 1"),
    ("network.bias", "no", "network.bias must be true or false, not 'no'"),
    ("network.cost", "l2", "network.cost must be one of squared, l1, not 'l2'"),
    ("network.segments", 33, "network.segments must be a power of two, not 33"),
    ("network.segments", 1, "network.segments must be from 2 to 1024, not 1"),
    ("network.segments", 2048, "network.segments must be from 2 to 1024, not 2048"),
    (
        "formats.parameter",
        "4.8",
        "formats.parameter: a format must be written like 'S4.8' (signed, 4 integer bits",
    ),
    ("formats.parameter", 12, "formats.parameter must be a format such as 'S4.8', not 12"),
    ("formats.parameter", "U4.8", "formats.parameter must be signed with 3 to 24 bits, not U4.8"),
    ("formats.parameter", "S1.1", "formats.parameter must be signed with 3 to 24 bits, not S1.1"),
    ("formats.parameter", "S9.16", "formats.parameter must be signed with 3 to 24 bits, not S9.16"),
    ("formats.input", None, "formats.input must be a format such as 'S4.8', not None"),
    ("formats.preactivation", "U4.8", "formats.preactivation must be signed, not U4.8"),
    ("formats.activation", 8, "formats.activation must be a format such as 'S4.8', not 8"),
    ("formats.activation", [8], "formats.activation must be a format such as 'S4.8', not 8"),
    (
        "formats.activation",
        ["0.8"],
        "formats.activation: a format must be written like 'S4.8' (signed, 4 integer bits",
    ),
    ("formats.cost", "S2.8", "formats.cost must be unsigned, not S2.8"),
    ("formats.operand_fraction", 9, "formats.operand_fraction must be from 0 to 8, not 9"),
    ("formats.rounding", "floor", "formats.rounding must be one of stochastic, nearest, not 'floo"),
    ("formats.overflow", "wrap", "formats.overflow must be one of clip, hold, not 'wrap'"),
    ("fabric.kind", "folded", "fabric.kind must be one of spatial, not 'folded'"),
    ("fabric.pipeline", 1, "fabric.pipeline must be true or false, not 1"),
    ("fabric.copies", 0, "fabric.copies must be from 1 to 2, not 0"),
    ("fabric.copies", 3, "fabric.copies must be from 1 to 2, not 3"),
    ("fabric.perturbation", "hadamard", "fabric.perturbation must be one of lfsr, chain, walsh, s"),
    ("fabric.band", 0.25, "fabric.band must be a list of two frequencies, not 0.25"),
    ("fabric.band", "ab", "fabric.band must be a list of two frequencies, not 'ab'"),
    ("fabric.band", [0.1, 0.2, 0.3], "fabric.band must be a list of two frequencies, not [0.1, 0."),
    ("fabric.band", [0, 0.25], "fabric.band must be above 0, not 0"),
    (
        "fabric.band",
        [0.25, 0.25],
        "fabric.band must rise, from at least 1.52588e-05 to at most 0.5, ",
    ),
    (
        "fabric.band",
        [0.25, 0.75],
        "fabric.band must rise, from at least 1.52588e-05 to at most 0.5, ",
    ),
    ("fabric.band", [0.25, "high"], "fabric.band must be a finite number, not 'high'"),
    ("fabric.baseline", "none", "fabric.baseline must be one of sample, two_sided, mean, highpass"),
    ("fabric.correlator", "half", "fabric.correlator must be one of full, sign, not 'half'"),
    ("fabric.decay_shift", 9, "fabric.decay_shift must be from 0 to 8, not 9"),
    ("fabric.decay_shift", -1, "fabric.decay_shift must be from 0 to 8, not -1"),
    ("fabric.decay_every", "window", "fabric.decay_every must be one of update, timestep, not 'w"),
    ("fabric.cost_noise", 0.1, "fabric.cost_noise must be true or false, not 0.1"),
    ("fabric.update_noise", True, "fabric.update_noise must be one of none, each, shared, not Tr"),
    ("fabric.defects", "all", "fabric.defects must be true or false, not 'all'"),
    ("fabric.shuffle", "yes", "fabric.shuffle must be true or false, not 'yes'"),
    ("fabric.samples", 0, "fabric.samples must be from 1 to 1048576, not 0"),
    ("fabric.samples", (1 << 20) + 1, "fabric.samples must be from 1 to 1048576, not 1048577"),
    ("fabric.lfsr_bits", 7, "fabric.lfsr_bits must be from 8 to 32, not 7"),
    ("fabric.lfsr_bits", 33, "fabric.lfsr_bits must be from 8 to 32, not 33"),
    ("fabric.tau_bits", 33, "fabric.tau_bits must be from 1 to 32, not 33"),
    ("fabric.tau_theta_bits", 25, "fabric.tau_theta_bits must be from 1 to 24, not 25"),
    ("training.steps", -1, "training.steps must be from 0 to 281474976710655, not -1"),
    ("training.tau_x", 1.5, "training.tau_x must be an integer from 1 to 4294967295, not 1.5"),
    ("training.tau_p", "4", "training.tau_p must be an integer from 1 to 4294967295, not '4'"),
    ("training.tau_theta", True, "training.tau_theta must be an integer from 1 to 4294967295, not"),
    ("training.tau_theta", 0, "training.tau_theta must be from 1 to 4294967295, not 0"),
    ("training.eta", "fast", "training.eta must be a finite number, not 'fast'"),
    ("training.eta", float("nan"), "training.eta must be a finite number, not nan"),
    ("training.eta", 10**400, "training.eta must be a finite number, not 1000"),
    ("training.eta", True, "training.eta must be a finite number, not True"),
    ("training.eta", -0.5, "training.eta must be at least 0, not -0.5"),
    ("training.eta_convention", "eq5", "training.eta_convention must be one of eq4, table4, not "),
    ("training.dtheta", 0, "training.dtheta must be above 0, not 0"),
    ("training.mean_shift", 16, "training.mean_shift must be from 0 to 15, not 16"),
    ("training.blank", 0, "training.blank must be true or false, not 0"),
    ("training.sigma_c", -0.1, "training.sigma_c must be at least 0, not -0.1"),
    ("training.sigma_theta", "much", "training.sigma_theta must be a finite number, not 'much'"),
    ("training.sigma_a", -1, "training.sigma_a must be at least 0, not -1"),
    ("training.sigma_a", 1.5, "training.sigma_a must be at most 1, not 1.5"),
    ("training.order", "sorted", "training.order must be one of random, sequential, shuffled, not"),
    ("training.init", "zero", "training.init must be one of uniform, glorot, not 'zero'"),
    ("training.init_range", -1, "training.init_range must be at least 0, not -1"),
    ("training.seed", 1 << 64, "training.seed must be from 0 to 18446744073709551615, not 184467"),
    ("training.solved_cost", -1, "training.solved_cost must be at least 0, not -1"),
    ("data.source", "", "data.source must be a task's name or a file's path, not ''"),
    ("data.source", 4, "data.source must be a task's name or a file's path, not 4"),
    ("data.clip", 1, "data.clip must be true or false, not 1"),
]


@pytest.mark.parametrize(("key", "value", "message"), REFUSED)
def test_wrong_values_are_refused(key: str, value: Any, message: str) -> None:
    mapping = Spec(name="plain", network=Network(layers=(2, 1))).to_mapping()
    *path, last = key.split(".")
    section = mapping
    for name in path:
        section = section[name]
    section[last] = value
    with pytest.raises(SpecError) as caught:
        Spec.from_mapping(mapping)
    assert str(caught.value).startswith(message)
    assert isinstance(caught.value, PmgdError)


def test_every_setting_has_a_refused_value() -> None:
    keys = {
        f"{section}.{key}"
        for section, settings in EXAMPLE.to_mapping().items()
        if isinstance(settings, dict)
        for key in settings
    }
    untested = keys - {key for key, _, _ in REFUSED}
    assert untested == {"formats.target"}  # as formats.input, without a bound of its own


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        ([], "a specification must be a table of settings, not []"),
        ({}, "a specification must give name; add it"),
        ({"name": "a"}, "a specification must give network; add it"),
        ({"name": "a", "network": {}}, "a specification must give network.layers; add it"),
        (
            {"name": "a", "networks": {}},
            (
                "a setting here must be one of name, network, formats, fabric, training, data, "
                "not 'networks'; did you mean network?"
            ),
        ),
        (
            {"name": "a", "network": {"layers": [2, 1], "layer": 3}},
            (
                "a setting here must be one of network.layers, network.activation, "
                "network.segments, network.bias, network.cost, not 'network.layer'; did you mean "
                "network.layers?"
            ),
        ),
    ],
)
def test_incomplete_or_unknown_mappings_are_refused(mapping: Any, message: str) -> None:
    with pytest.raises(SpecError) as caught:
        Spec.from_mapping(mapping)
    assert str(caught.value) == message


def test_a_section_of_another_kind_is_refused() -> None:
    with pytest.raises(SpecError, match=r"^network must be a Network, not \(2, 1\)$"):
        Spec(name="a", network=(2, 1))  # type: ignore[arg-type]

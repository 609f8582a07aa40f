"""Formats of layers' outputs: the usual ones, those chosen, and those refused."""

from typing import Any

import pytest

from pmgd.gateware.errors import SpecError
from pmgd.gateware.formats import Format
from pmgd.gateware.output_formats import USUAL_FORMATS, output_formats
from pmgd.gateware.spec import ACTIVATIONS, Formats, Network


def formats_of(
    activation: Any,
    chosen: Any = None,
    layers: tuple[int, ...] = (2, 3, 1),
    *,
    defects: bool = False,
) -> Any:
    network = Network(layers=layers, activation=activation)
    return output_formats(network, Formats(activation=chosen), defects)


def test_every_activation_has_a_usual_format_that_suits_it() -> None:
    assert set(USUAL_FORMATS) == set(ACTIVATIONS)
    for kind, usual in USUAL_FORMATS.items():
        assert formats_of(kind) == formats_of(kind, usual) == (usual, usual)


def test_one_format_for_all_layers_or_one_for_each() -> None:
    assert formats_of(["tanh", "relu"]) == (Format(True, 1, 8), Format(False, 4, 8))
    assert formats_of("sigmoid", "U0.5") == (Format(False, 0, 5),) * 2
    assert formats_of(["relu", "sigmoid"], ["U6.2", "U0.16"]) == (
        Format(False, 6, 2),
        Format(False, 0, 16),
    )
    assert formats_of("identity", ["S1.0"], (2, 1)) == (Format(True, 1, 0),)


UNSIGNED = "formats.activation must be unsigned for {}, like {}, not S1.8"
SIGNED = "formats.activation must be signed for {}, like {}, not U4.8"
REFUSED = [
    ("sigmoid", "S1.8", UNSIGNED.format("sigmoid", "U0.8")),
    ("relu", "S1.8", UNSIGNED.format("relu", "U4.8")),
    ("tanh", "U4.8", SIGNED.format("tanh", "S1.8")),
    ("identity", "U4.8", SIGNED.format("identity", "S4.8")),
    (
        "sigmoid",
        "U1.8",
        (
            "formats.activation must have no integer bits beyond the sign for sigmoid, like U0.8, "
            "since it stays within 0 and 1, not U1.8"
        ),
    ),
    (
        "tanh",
        "S2.8",
        (
            "formats.activation must have no integer bits beyond the sign for tanh, like S1.8, "
            "since it stays within -1 and 1, not S2.8"
        ),
    ),
    ("sigmoid", "U0.17", "formats.activation must have up to 16 bits, not U0.17"),
    ("relu", "U8.9", "formats.activation must have up to 16 bits, not U8.9"),
    # The second layer's format alone is wrong.
    (["relu", "tanh"], "U4.8", SIGNED.format("tanh", "S1.8")),
    (["sigmoid", "relu"], ["U0.8", "S1.8"], UNSIGNED.format("relu", "U4.8")),
    (
        "relu",
        ["U4.8"],
        ("formats.activation must be one format, or one for each of 2 layer(s) of neurons, not 1"),
    ),
    (
        "relu",
        [],
        ("formats.activation must be one format, or one for each of 2 layer(s) of neurons, not 0"),
    ),
]


@pytest.mark.parametrize(("activation", "chosen", "message"), REFUSED)
def test_what_does_not_suit_is_refused(activation: Any, chosen: Any, message: str) -> None:
    with pytest.raises(SpecError) as caught:
        formats_of(activation, chosen)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("activation", "chosen"),
    [
        ("sigmoid", "U0.16"),
        ("tanh", "S1.0"),
        ("tanh", "S1.15"),
        ("relu", "U0.16"),
        ("relu", "U16.0"),
        ("identity", "S16.0"),
    ],
)
def test_what_just_suits(activation: str, chosen: str) -> None:
    assert formats_of(activation, chosen) == (Format.parse(chosen),) * 2


# -- With defects ---------------------------------------------------------------------------------


def test_a_sigmoid_with_defects_may_leave_0_to_1() -> None:
    assert formats_of("sigmoid", defects=True) == (Format(True, 3, 8),) * 2
    for chosen in ("S3.8", "S1.1", "S8.8", "S1.15"):
        assert formats_of("sigmoid", chosen, defects=True) == (Format.parse(chosen),) * 2
    each = formats_of("sigmoid", ["S2.6", "S3.4"], defects=True)
    assert each == (Format(True, 2, 6), Format(True, 3, 4))


OTHER = (
    "network.activation must be sigmoid in a fabric with defects, which are those of the logistic "
    "function, not {}; or set fabric.defects to false"
)
REFUSED_WITH_DEFECTS = [
    ("tanh", None, OTHER.format("tanh")),
    (["sigmoid", "relu"], None, OTHER.format("relu")),
    (["identity", "tanh"], "S3.8", OTHER.format("identity")),
    (
        "sigmoid",
        "U0.8",
        "formats.activation must be signed for a sigmoid with defects, like S3.8, not U0.8",
    ),
    (
        "sigmoid",
        ["S3.8", "U0.8"],
        "formats.activation must be signed for a sigmoid with defects, like S3.8, not U0.8",
    ),
    (
        "sigmoid",
        "S3.0",
        "formats.activation must have a fraction for a sigmoid, like S3.8, not S3.0",
    ),
    ("sigmoid", "S8.9", "formats.activation must have up to 16 bits, not S8.9"),
    (
        "sigmoid",
        ["S3.8"],
        "formats.activation must be one format, or one for each of 2 layer(s) of neurons, not 1",
    ),
]


@pytest.mark.parametrize(("activation", "chosen", "message"), REFUSED_WITH_DEFECTS)
def test_what_does_not_suit_defects_is_refused(activation: Any, chosen: Any, message: str) -> None:
    with pytest.raises(SpecError) as caught:
        formats_of(activation, chosen, defects=True)
    assert str(caught.value) == message

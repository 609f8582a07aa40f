"""Settings to mappings and back, with sections of the test's own."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from pmgd.gateware.errors import SpecError
from pmgd.gateware.formats import Format
from pmgd.gateware.mapping import Section, build, is_section, plain, setting_keys, unknown_key


@dataclass(frozen=True)
class Engine(Section):
    power: int
    fuels: tuple[str, ...] = ("petrol",)
    gear: Format | tuple[Format, ...] | None = None


@dataclass(frozen=True)
class Car(Section):
    engine: Engine
    name: str = "car"
    spare: Engine = field(default_factory=lambda: Engine(1))


CAR = Car(Engine(90, ("gas", "petrol"), (Format(True, 4, 8), Format(False, 0, 8))))
MAPPING = {
    "engine": {"power": 90, "fuels": ["gas", "petrol"], "gear": ["S4.8", "U0.8"]},
    "name": "car",
    "spare": {"power": 1, "fuels": ["petrol"]},  # what is None is left out
}


def test_plain_values() -> None:
    assert plain(CAR) == MAPPING
    assert type(plain(CAR)["engine"]["fuels"]) is list


def test_build_leaves_values_to_the_sections() -> None:
    built = build(Car, MAPPING)
    assert built.spare == Engine(1, ["petrol"])  # type: ignore[arg-type]
    assert built.engine.gear == ["S4.8", "U0.8"]
    assert build(Car, {"engine": {"power": 3}}) == Car(Engine(3))


def test_keys_are_dotted() -> None:
    assert setting_keys(Engine) == ["power", "fuels", "gear"]
    assert setting_keys(Car) == [
        *("engine.power", "engine.fuels", "engine.gear"),
        "name",
        *("spare.power", "spare.fuels", "spare.gear"),
    ]


def test_what_a_section_is() -> None:
    assert is_section(Engine)
    assert not any(map(is_section, (int, Format, Format | None, tuple[str, ...], "Engine")))


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        (3, "a specification must be a table of settings, not 3"),
        ({"engine": [1]}, "engine must be a table of settings, not [1]"),
        ({}, "a specification must give engine; add it"),
        ({"engine": {}}, "a specification must give engine.power; add it"),
        (
            {"engine": {"power": 1, "fule": 2}},
            (
                "a setting here must be one of engine.power, engine.fuels, engine.gear, not "
                "'engine.fule'; did you mean engine.fuels?"
            ),
        ),
        ({7: 1}, "a setting here must be one of engine, name, spare, not '7'"),
    ],
)
def test_what_is_refused(mapping: Any, message: str) -> None:
    with pytest.raises(SpecError) as caught:
        build(Car, mapping)
    assert str(caught.value) == message


def test_an_unknown_key_far_from_all_gets_no_hint() -> None:
    assert unknown_key("a thing", "xyz", ["eta", "tau"]) == (
        "a thing must be one of eta, tau, not 'xyz'"
    )

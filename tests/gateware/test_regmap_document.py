from pathlib import Path

import pytest

from pmgd.gateware.plan import Plan
from pmgd.gateware.presets import xor
from pmgd.gateware.regmap import Access, Register, every_register, registers, windows
from pmgd.gateware.regmap_document import PERTURBER, register_map
from pmgd.gateware.spec import Fabric, Network, Spec

DOCUMENT = Path(__file__).parents[2] / "docs" / "register-map.md"
ODD = Spec(
    name="odd",
    network=Network(layers=(3, 5, 2)),
    fabric=Fabric(samples=1 << 10, tau_theta_bits=1, tau_bits=32),
)
OTHER = xor().with_settings(
    {
        "fabric.perturbation": "walsh",
        "fabric.baseline": "mean",
        "fabric.correlator": "sign",
        "fabric.shuffle": True,
    }
)

PIPELINED = xor().with_settings(
    {"fabric.pipeline": True, "fabric.copies": 2, "fabric.perturbation": "chain"}
)

NOISY = xor().with_settings(
    {"fabric.cost_noise": True, "fabric.update_noise": "each", "fabric.defects": True}
)


def rows(text: str) -> list[list[str]]:
    """The cells of every table, without what only looks."""
    lines = [line for line in text.splitlines() if line.startswith("| `")]
    return [[cell.strip(" `") for cell in line.strip("|").split(" | ")] for line in lines]


def test_the_document_is_what_is_generated_now() -> None:
    assert DOCUMENT.read_text(encoding="utf-8") == register_map(Plan(xor())), (
        "write it again: pmgd explain xor --registers > docs/register-map.md"
    )


def check(register: Register, row: dict[str, str]) -> None:
    assert int(row["address"], 16) == register.reg
    assert int(row["reset"], 0) == register.reset
    assert row["access"].startswith("write") == (register.access is Access.WRITE)
    assert ("write while stopped" in row["access"]) == (register.access is Access.STOPPED)
    assert row["meaning"] == register.doc
    where = " and ".join(str(condition) for condition in register.where)
    assert row["exists"] == (f"where {where}" if where else "always")


HERE = ("address", "name", "bits", "reset", "access", "exists", "meaning")
ELSEWHERE = ("address", "name", "reset", "access", "exists", "meaning")


@pytest.mark.parametrize("spec", [xor(), ODD, OTHER, PIPELINED, NOISY])
def test_it_tells_every_register_and_window(spec: Spec) -> None:
    plan = Plan(spec)
    text = register_map(plan)
    here, rest = text.split("## Registers of other fabrics")
    elsewhere, rest = rest.split("## Windows")
    told = {row[1]: dict(zip(HERE, row, strict=True)) for row in rows(here)}
    assert list(told) == [register.name for register in registers(plan)]
    for register in registers(plan):
        check(register, told[register.name])
        assert int(told[register.name]["bits"]) == register.bits
    others = [register for register in every_register(plan) if register.name not in told]
    told = {row[1]: dict(zip(ELSEWHERE, row, strict=True)) for row in rows(elsewhere)}
    assert list(told) == [register.name for register in others]
    for register in others:
        assert register.where
        check(register, told[register.name])
    told_windows = {row[1]: row for row in rows(rest)}
    assert len(told_windows) == len(windows(plan))
    for window in windows(plan):
        address, _, words, access, doc = told_windows[window.region.name.lower()]
        assert int(address, 16) == window.address
        assert int(words) == window.words
        assert ("read" in access, "write" in access) == (window.readable, window.writable)
        assert doc == window.doc
    assert f"{plan.digest:016x}" in text
    assert f", {plan.sample.bits} bits in all" in text
    assert (", G (" in text) == bool(plan.gradient_bits)


@pytest.mark.parametrize(
    ("perturbation", "told"),
    [
        ("lfsr", "theta (12 bits), G (20), LFSR (16); then 16 bits of padding."),
        ("chain", "theta (12 bits), G (20), bit p (1); then 23 bits of padding."),
        ("walsh", "theta (12 bits), G (20); then 0 bits of padding."),
        ("sequential", "theta (12 bits), G (20), bit p (1); then 23 bits of padding."),
        ("square", "theta (12 bits), G (20), phase (9); then 15 bits of padding."),
        ("sine", "theta (12 bits), G (20), phase (9); then 15 bits of padding."),
    ],
)
def test_it_tells_what_the_scan_ring_holds(perturbation: str, told: str) -> None:
    plan = Plan(xor().with_settings({"fabric.perturbation": perturbation}))
    assert f"for each parameter: {told}\n" in register_map(plan)


def test_it_tells_the_defects_after_the_parameters() -> None:
    assert (
        "LFSR (16); then, for each neuron: input scale, input offset, output scale, output offset "
        "(16 bits each); then 16 bits of padding.\n"
    ) in register_map(Plan(NOISY))


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        (
            {},
            (
                "theta (12 bits), G (20); then bit p (1) of each, from the last parameter down; "
                "then bit p for late updates (1) of each, from the last parameter down; then 14 "
                "bits of padding."
            ),
        ),
        (
            {"fabric.perturbation": "walsh"},
            "theta (12 bits), G (20); then 0 bits of padding.",
        ),
        (
            {"formats.overflow": "hold", "fabric.tau_theta_bits": 1},
            (
                "theta (12 bits, offset binary, most significant first); then bit p (1) of each, "
                "from the last parameter down; then bit p for late updates (1) of each, from the "
                "last parameter down; then 2 bits of padding."
            ),
        ),
    ],
)
def test_it_tells_what_the_scan_ring_of_a_pipelined_fabric_holds(
    changed: dict[str, object], told: str
) -> None:
    text = register_map(Plan(PIPELINED.with_settings(changed)))
    assert f"for each parameter: {told}\n" in text


def test_it_tells_what_a_step_in_flight_is() -> None:
    told = (
        "- `flight`: each word, from bit 0 up, a step u (12 bits, two's complement), whether its "
        "timestep began a perturbation (bit 12) and whether it ended a window (bit 13).\n"
    )
    assert register_map(Plan(PIPELINED)).endswith(told)
    assert "flight`: " not in register_map(Plan(xor()))


def test_every_perturbation_has_a_word_for_its_state() -> None:
    for perturbation, word in PERTURBER.items():
        plan = Plan(xor().with_settings({"fabric.perturbation": perturbation}))
        assert (word == "nothing") == (plan.perturber_bits == 0)

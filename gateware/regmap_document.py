"""The register map as a document, made from the data that decoder and driver are made from."""

from collections.abc import Sequence

from pmgd.gateware.frames import MAX_WORDS
from pmgd.gateware.layout import DEFECT_BITS, DEFECTS
from pmgd.gateware.plan import INTERFACE_VERSION, Plan
from pmgd.gateware.regmap import (
    REGION_SHIFT,
    Access,
    Register,
    Window,
    every_register,
    registers,
    windows,
)

__all__ = ["PERTURBER", "register_map"]

PERTURBER = {
    "lfsr": "LFSR", "chain": "bit p", "walsh": "nothing", "sequential": "bit p", "square": "phase",
    "sine": "phase",
}  # fmt: skip
"""What a perturber keeps for itself, by `Fabric.perturbation`."""

_ACCESS = {
    Access.READ: "read",
    Access.WRITE: "write; reads 0",
    Access.STOPPED: "read; write while stopped",
}


def register_map(plan: Plan) -> str:
    """Return the register map of a fabric as Markdown, its last line ended."""
    spec = plan.spec
    shape = "-".join(map(str, spec.network.layers))
    origin = (
        f"Made by `pmgd explain {spec.name} --registers`; do not edit it. Interface version "
        f"{INTERFACE_VERSION}, network {shape}, {plan.parameters} parameters, plan digest "
        f"`{plan.digest:016x}`. Another specification has the same addresses, but other widths, "
        f"digest and lengths of windows, and not all of the same registers."
    )
    addresses = (
        f"Addresses count words of 32 bits. Bits {REGION_SHIFT} to 31 of an address select a "
        f"region: 0 holds the registers, each other one a window. A request reads or writes up to "
        f"{MAX_WORDS} words from an address on. Addresses that are not listed do not exist. What "
        f"is refused, and what a write does beyond storing, is in "
        f"[specification.md](specification.md)."
    )
    here = registers(plan)
    elsewhere = [register for register in every_register(plan) if register not in here]
    parts = [
        f"# Register map of `{spec.name}`",
        origin,
        addresses,
        "## Registers",
        _table(
            ("address", "name", "bits", "reset", "access", "exists", "meaning"),
            [_register(register) for register in here],
        ),
        "## Registers of other fabrics",
        f"In that of `{spec.name}` these addresses do not exist.",
        _table(
            ("address", "name", "reset", "access", "exists", "meaning"),
            [_without_bits(_register(register)) for register in elsewhere],
        ),
        "## Windows",
        "They answer while the device is stopped.",
        _table(
            ("address", "name", "words", "access", "meaning"),
            [_window(window) for window in windows(plan)],
        ),
        "## Layouts",
        "\n".join([_scan(plan), _sample(plan), *[_flight(plan)] * plan.spec.fabric.pipeline]),
    ]
    return "\n\n".join(parts) + "\n"


def _register(register: Register) -> tuple[str, ...]:
    return (
        f"`{int(register.reg):#04x}`",
        f"`{register.name}`",
        str(register.bits),
        f"`{register.reset:#x}`" if register.reset > 9 else str(register.reset),
        _ACCESS[register.access],
        f"where {' and '.join(map(str, register.where))}" if register.where else "always",
        register.doc,
    )


def _without_bits(cells: tuple[str, ...]) -> tuple[str, ...]:
    return cells[:2] + cells[3:]  # which depend on a specification that has the register


def _window(window: Window) -> tuple[str, ...]:
    return (
        f"`{window.address:#010x}`",
        f"`{window.region.name.lower()}`",
        str(window.words),
        ", ".join(["read"] * window.readable + ["write"] * window.writable),
        window.doc,
    )


def _scan(plan: Plan) -> str:
    scan = plan.scan
    offset = ", offset binary, most significant first" if scan.offset_binary else ""
    state = [f"theta ({scan.theta_bits} bits{offset})"]
    if scan.gradient_bits:
        state.append(f"G ({scan.gradient_bits})")
    own, planes = PERTURBER[plan.spec.fabric.perturbation], ""
    if scan.planes:
        widths = (scan.perturber_bits, scan.update_perturber_bits)
        for name, bits in zip((own, f"{own} for late updates"), widths, strict=True):
            if bits:
                planes += f"; then {name} ({bits}) of each, from the last parameter down"
    elif scan.perturber_bits:
        state.append(f"{own} ({scan.perturber_bits})")
    if scan.neurons:
        numbers = ", ".join(name.replace("_", " ") for name in DEFECTS)
        planes += f"; then, for each neuron: {numbers} ({DEFECT_BITS} bits each)"
    return (
        f"- `scan`: from bit 0 of its first word up, for each parameter: {', '.join(state)}"
        f"{planes}; then {scan.padding_bits} bits of padding."
    )


def _flight(plan: Plan) -> str:
    flight = plan.flight
    return (
        f"- `flight`: each word, from bit 0 up, a step u ({flight.step_bits} bits, two's "
        f"complement), whether its timestep began a perturbation (bit {flight.advance_bit}) and "
        f"whether it ended a window (bit {flight.ends_bit})."
    )


def _sample(plan: Plan) -> str:
    sample = plan.sample
    return (
        f"- `probe`, and each sample in `samples`: from bit 0 of its first word up, inputs "
        f"({sample.inputs} of {sample.input_format}), then targets ({sample.outputs} of "
        f"{sample.target_format}), {sample.bits} bits in all. In `samples`, sample n begins at "
        f"word {sample.stride} n."
    )


def _table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [titles, ["---"] * len(titles), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)

"""``pmgd explain``: what a specification becomes."""

import argparse
import json
from typing import Any

from pmgd.gateware.formats import Format
from pmgd.gateware.plan import Plan
from pmgd.gateware.regmap import Access, registers, windows
from pmgd.gateware.regmap_document import register_map
from pmgd.host.cli.text import count, table
from pmgd.host.spec_file import load_spec

__all__ = ["add_parser", "run"]


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command's options."""
    parser = commands.add_parser(
        "explain",
        help="print the plan of a specification",
        description="Print what a specification becomes: formats and widths, layers, latencies and "
        "clocks per timestep, storage, layouts and the register map.",
    )
    parser.add_argument("spec", metavar="SPEC", help="a preset's name, such as xor, or a TOML file")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print the plan as JSON alone")
    form.add_argument(
        "--registers", action="store_true", help="print the register map alone, as Markdown"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Carry the command out and return its exit code."""
    plan = Plan(load_spec(args.spec))
    if args.registers:
        print(register_map(plan), end="")
    else:
        print(json.dumps(_record(plan), indent=2) if args.json else _text(plan))
    return 0


def _record(plan: Plan) -> dict[str, Any]:
    latency, scan, sample = plan.latency, plan.scan, plan.sample
    mantissa, shift = plan.scale()
    return {
        "name": plan.spec.name,
        "plan_digest": f"{plan.digest:016x}",
        "parameters": plan.parameters,
        "spec": plan.spec.to_mapping(),
        "widths": {
            "parameter": plan.theta.bits,
            "dtheta": plan.dtheta_bits,
            "operand": plan.operand_bits,
            "cost": plan.cost_bits,
            "step": plan.step_bits + 1,
            "gradient": plan.gradient_bits,
        },
        "layers": [
            {
                "inputs": layer.inputs,
                "neurons": layer.outputs,
                "parameters": layer.parameters,
                "first_parameter": layer.first_parameter,
                "input_format": str(layer.input_format),
                "product_bits": layer.product_bits,
                "sum_bits": layer.sum_bits,
                "sum_shift": layer.sum_shift,
                "latency_cycles": cycles,
            }
            for layer, cycles in zip(plan.layers, latency.layers, strict=True)
        ],
        "latency_cycles": {
            "network": latency.network,
            "cost": latency.cost,
            "evaluation": latency.evaluation,
            "step": latency.step,
        },
        "clocks_per_timestep": {
            "new_sample": plan.clocks_per_timestep(),
            "new_baseline": plan.clocks_per_timestep(new_sample=False),
            "same_baseline": plan.clocks_per_timestep(new_sample=False, new_baseline=False),
        },
        "update_delay_timesteps": plan.update_delay,
        "storage_bits": {
            "theta": scan.theta_bits,
            "gradient": scan.gradient_bits,
            "lfsr": scan.lfsr_bits,
            "per_parameter": scan.synapse_bits,
            "all_parameters": scan.synapse_bits * scan.parameters,
            "sample": sample.bits,
            "sample_memory": sample.bits * sample.samples,
        },
        "scan": {"words": scan.words, "padding_bits": scan.padding_bits},
        "sample": {
            "inputs": sample.inputs,
            "input_format": str(sample.input_format),
            "targets": sample.outputs,
            "target_format": str(sample.target_format),
            "words": sample.words,
            "stride_words": sample.stride,
            "capacity": sample.samples,
        },
        "run_time": {
            "dtheta_last_bits": plan.dtheta_steps(),
            "scale_mantissa": mantissa,
            "scale_shift": shift,
        },
        "registers": [
            {
                "address": int(register.reg),
                "name": register.name,
                "bits": register.bits,
                "access": register.access.value,
                "reset": register.reset,
                "doc": register.doc,
            }
            for register in registers(plan)
        ],
        "windows": [
            {
                "address": window.address,
                "name": window.region.name.lower(),
                "words": window.words,
                "readable": window.readable,
                "writable": window.writable,
                "doc": window.doc,
            }
            for window in windows(plan)
        ],
    }


def _text(plan: Plan) -> str:
    sections = (
        ("Formats and widths", _widths(plan)),
        ("Layers", _layers(plan)),
        ("Latency, in clock cycles", _latencies(plan)),
        ("Clock cycles per timestep", _clocks(plan)),
        ("Storage", _storage(plan)),
        ("Run-time settings", _settings(plan)),
        ("Registers", _registers(plan)),
        ("Windows, in words of 32 bits, while stopped", _windows(plan)),
    )
    spec = plan.spec
    shape = "-".join(map(str, spec.network.layers))
    head = (
        f"{spec.name}: {shape}, {spec.network.activation}, {count(plan.parameters)} parameters, "
        f"{spec.fabric.kind} fabric\nplan digest {plan.digest:016x}"
    )
    return "\n\n".join([head, *(f"{title}\n\n{body}" for title, body in sections)])


def _widths(plan: Plan) -> str:
    formats, fraction = plan.spec.formats, plan.theta.fraction_bits
    rows = [("", "format", "bits", "from", "to", "last bit")]
    for name, fmt in (
        ("parameter theta", plan.theta),
        ("perturbed operand", _format(True, plan.operand_bits, formats.operand_fraction)),
        ("input", formats.input),
        ("target", formats.target),
        ("preactivation", formats.preactivation),
        ("activation", formats.activation),
        ("cost, summed over outputs", _format(False, plan.cost_bits, plan.cost_fraction)),
    ):
        low, high = (float(fmt.to_real(end)) for end in (fmt.minimum, fmt.maximum))
        rows.append(_width(name, str(fmt), fmt.bits, low, high, fmt.fraction_bits))
    largest = ((1 << plan.step_bits) - 1) / (1 << fraction)
    rows.append(_width("broadcast step u", "", plan.step_bits + 1, -largest, largest, fraction))
    if plan.gradient_bits:
        # A sum of at most this many steps; the register holds a little more.
        most = largest * ((1 << plan.spec.fabric.tau_theta_bits) - 1)
        rows.append(_width("gradient G", "", plan.gradient_bits, -most, most, fraction))
    return (
        table(rows, "llrrrr")
        + f"\n\n  rounding of the step: {formats.rounding}; overflow of a parameter: "
        + f"{formats.overflow}; sigmoid: {plan.spec.network.segments} segments"
    )


def _format(signed: bool, bits: int, fraction_bits: int) -> Format:
    return Format(signed, bits - fraction_bits, fraction_bits)


def _width(
    name: str, notation: str, bits: int, low: float, high: float, fraction_bits: int
) -> tuple[str, str, str, str, str, str]:
    last = f"2^-{fraction_bits}" if fraction_bits else "1"
    return name, notation, str(bits), f"{low:.6g}", f"{high:.6g}", last


def _layers(plan: Plan) -> str:
    rows: list[tuple[object, ...]] = [
        ("layer", "inputs", "neurons", "parameters", "input", "product", "sum", "cycles")
    ]
    for number, (layer, cycles) in enumerate(zip(plan.layers, plan.latency.layers, strict=True)):
        rows.append(
            (
                number,
                layer.inputs,
                layer.outputs,
                layer.parameters,
                layer.input_format,
                f"{layer.product_bits} bits",
                f"{layer.sum_bits} bits",
                cycles,
            )
        )
    return table(rows, "rrrrrrrr")


def _latencies(plan: Plan) -> str:
    latency = plan.latency
    return table(
        [
            ("sample to outputs", latency.network),
            ("outputs to cost", latency.cost),
            ("sample to cost", latency.evaluation),
            ("sample to broadcast step", latency.step),
        ],
        "lr",
    )


def _clocks(plan: Plan) -> str:
    rows = [
        ("with a new sample", plan.clocks_per_timestep()),
        ("with a new baseline alone", plan.clocks_per_timestep(new_sample=False)),
        ("with neither", plan.clocks_per_timestep(new_sample=False, new_baseline=False)),
    ]
    return table(rows, "lr") + f"\n\n  update delay D: {plan.update_delay} timesteps"


def _storage(plan: Plan) -> str:
    scan, sample = plan.scan, plan.sample
    rows = [("", "bits"), ("theta", scan.theta_bits)]
    if scan.gradient_bits:
        rows.append(("gradient G", scan.gradient_bits))
    rows += [
        ("perturbation LFSR", scan.lfsr_bits),
        ("one parameter", scan.synapse_bits),
        (f"all {count(scan.parameters)} parameters", count(scan.parameters * scan.synapse_bits)),
        ("one sample", sample.bits),
        (f"all {count(sample.samples)} samples", count(sample.samples * sample.bits)),
    ]
    return (
        table(rows, "lr")
        + f"\n\n  scan ring: {scan.words} words; from bit 0 up, theta, G and LFSR of each "
        + f"parameter, then {scan.padding_bits} bits of padding"
        + f"\n  sample: {sample.words} word(s), {sample.stride} apart; from bit 0 up, "
        + f"{sample.inputs} x {sample.input_format} inputs, then {sample.outputs} x "
        + f"{sample.target_format} targets"
    )


def _settings(plan: Plan) -> str:
    training = plan.spec.training
    mantissa, shift = plan.scale()
    rows = [
        ("tau_x, tau_p, tau_theta", f"{training.tau_x}, {training.tau_p}, {training.tau_theta}"),
        ("dtheta", f"{training.dtheta:g} = {plan.dtheta_steps()} last bits of a parameter"),
        ("eta", f"{training.eta:g} ({training.eta_convention})"),
        ("scale of the step", f"{mantissa} / 2^{shift}"),
        ("sample order", training.order),
        ("timesteps", count(training.steps)),
    ]
    return table(rows)


_ACCESS = {Access.READ: "read", Access.WRITE: "write", Access.STOPPED: "read, write*"}


def _registers(plan: Plan) -> str:
    rows = [("address", "name", "bits", "reset", "access", "")]
    rows += [
        (
            f"{int(register.reg):#06x}",
            register.name,
            str(register.bits),
            f"{register.reset:#x}" if register.reset > 9 else str(register.reset),
            _ACCESS[register.access],
            register.doc,
        )
        for register in registers(plan)
    ]
    return table(rows, "rlrr") + "\n\n  * while stopped"


def _windows(plan: Plan) -> str:
    rows = [("address", "name", "words", "access", "")]
    rows += [
        (
            f"{window.address:#010x}",
            window.region.name.lower(),
            count(window.words),
            ", ".join(["read"] * window.readable + ["write"] * window.writable),
            window.doc,
        )
        for window in windows(plan)
    ]
    return table(rows, "rlr")

"""``pmgd explain``: what a specification becomes."""

import argparse
import json

from pmgd.gateware.formats import Format
from pmgd.gateware.latency import SHUFFLE_CYCLES
from pmgd.gateware.layout import DEFECTS, MEAN_FRACTION_BITS, NEURON_BITS
from pmgd.gateware.plan import Plan
from pmgd.gateware.regmap import Access, registers, windows
from pmgd.gateware.regmap_document import PERTURBER, register_map
from pmgd.host.cli.estimate_text import estimate_record, estimate_text
from pmgd.host.cli.options import add_spec_arguments, spec_from
from pmgd.host.cli.plan_record import plan_record
from pmgd.host.cli.text import count, table

__all__ = ["add_parser", "run"]


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command's options."""
    parser = commands.add_parser(
        "explain",
        help="print the plan of a specification",
        description="Print what a specification becomes: how it trains, formats and widths, "
        "layers, latencies and clocks per timestep, storage, layouts and the register map.",
    )
    add_spec_arguments(parser)
    parser.add_argument(
        "--board",
        metavar="BOARD",
        help="tell how large and how fast it would be there, too, without the board's tools; one "
        "of those that pmgd boards lists",
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print the plan as JSON alone")
    form.add_argument(
        "--registers", action="store_true", help="print the register map alone, as Markdown"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Carry the command out and return its exit code."""
    plan = Plan(spec_from(args))
    board = None
    if args.board is not None:
        from pmgd.boards.catalog import board as find_board

        board = find_board(args.board)
    if args.registers:
        print(register_map(plan), end="")
    elif args.json:
        record = plan_record(plan)
        if board is not None:
            record["estimate"] = estimate_record(plan, board)
        print(json.dumps(record, indent=2))
    else:
        text = _text(plan)
        print(text if board is None else f"{text}\n\n{estimate_text(plan, board)}")
    return 0


def _text(plan: Plan) -> str:
    sections = (
        ("How it trains", _method(plan)),
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
    kind = spec.network.activation
    head = (
        f"{spec.name}: {shape}, {kind if isinstance(kind, str) else ', '.join(kind)}, "
        f"{count(plan.parameters)} parameters, "
        f"{'pipelined ' * spec.fabric.pipeline}{spec.fabric.kind} fabric\n"
        f"plan digest {plan.digest:016x}"
    )
    return "\n\n".join([head, *(f"{title}\n\n{body}" for title, body in sections)])


_METHOD = {
    "perturbation": {
        "lfsr": "a random code, from a generator for every parameter",
        "chain": "a random code, shifted from parameter to parameter",
        "walsh": "an orthogonal code, Walsh-Hadamard",
        "sequential": "one parameter at a time, by +dtheta",
        "square": "a square wave of its own frequency for every parameter",
        "sine": "a sine of its own frequency for every parameter",
    },
    "baseline": {
        "sample": "the unperturbed cost of the same sample and parameters",
        "two_sided": "the cost of the opposite perturbation",
        "mean": "the running mean of the cost",
        "highpass": "a high-pass filter of the cost",
        "literal": "Table 1 as printed, which trains badly where tau_x > 1",
    },
    "correlator": {
        "full": "adds up the cost change times the perturbation, in units of dtheta",
        "sign": "counts the signs of the cost change times those of the perturbation",
    },
}


def _method(plan: Plan) -> str:
    spec, shift = plan.spec, plan.spec.fabric.decay_shift
    rows = [
        (name, f"{(chosen := getattr(spec.fabric, name))}: {meaning[chosen]}")
        for name, meaning in _METHOD.items()
    ]
    kept = "G is cleared" if plan.gradient_bits else "nothing is kept"
    if shift:
        gain = "a leaky integrator" if plan.leaky else f"momentum with a gain of {1 << shift}"
        kept = f"G keeps {1 - 2.0**-shift:g} of itself, {gain}"
    hits = "the largest output is the class"
    if plan.outputs == 1:
        hits = f"an output from {plan.class_threshold:g} up is class 1"
    rows += [
        ("in every timestep" if plan.leaky else "after an update", kept),
        *_imperfections(plan),
        ("cost", f"{'squared' if plan.squared else 'absolute'} error, summed over the outputs"),
        (
            "evaluation",
            f"hits and cost of up to {count(plan.sample.samples)} samples on the device; {hits}",
        ),
    ]
    if plan.increments:
        rows.insert(1, ("frequencies", _oscillators(plan)))
    return table(rows)


def _imperfections(plan: Plan) -> list[tuple[str, str]]:
    fabric = plan.spec.fabric
    noises = ["costs"] * fabric.cost_noise
    if fabric.update_noise != "none":
        whose = "every parameter's" if fabric.update_noise == "each" else "all parameters'"
        noises.append(f"{whose} updates")
    rows = [("noise", f"of {' and of '.join(noises)}")] if noises else []
    return rows + [("defects", "of every neuron's sigmoid")] * fabric.defects


def _oscillators(plan: Plan) -> str:
    low, high = plan.increments[0], plan.increments[-1]
    unit = 1 << plan.perturber_bits
    return (
        f"{low / unit:.4f} to {high / unit:.4f} cycles per perturbation, by phases of "
        f"{plan.perturber_bits} bits"
    )


def _widths(plan: Plan) -> str:
    formats, fraction = plan.spec.formats, plan.theta.fraction_bits
    rows = [("", "format", "bits", "from", "to", "last bit")]
    rows += [
        _width(name, signed, bits, fraction_bits)
        for name, signed, bits, fraction_bits in (
            _named("parameter theta", plan.theta),
            ("perturbed operand", True, plan.operand_bits, formats.operand_fraction),
            _named("input", formats.input),
            _named("target", formats.target),
            _named("preactivation", formats.preactivation),
            *(
                _named(f"output of layer {number}", layer.output_format)
                for number, layer in enumerate(plan.layers)
            ),
            ("cost, summed over outputs", False, plan.cost_bits, plan.cost_fraction),
            *[("the same, with noise", False, plan.measured_bits, plan.cost_fraction)]
            * plan.spec.fabric.cost_noise,
            (
                "baseline C0",
                False,
                plan.baseline_bits,
                plan.cost_fraction + MEAN_FRACTION_BITS * plan.filters,
            ),
        )
    ]
    largest = (1 << plan.step_bits) - 1
    rows.append(_symmetric("broadcast step u", plan.step_bits + 1, largest, fraction))
    if plan.gradient_bits:
        # A sum of at most this many steps or counts; the register holds a little more.
        decay = plan.spec.fabric.decay_shift
        most = (1 if plan.leaky else (1 << plan.spec.fabric.tau_theta_bits) - 1) << decay
        full = plan.spec.fabric.correlator == "full"
        rows.append(
            _symmetric("gradient G", plan.gradient_bits, most * largest, fraction)
            if full
            else _symmetric("gradient G, a count", plan.gradient_bits, most << decay, decay)
        )
    rounding = formats.rounding if plan.spec.fabric.correlator == "full" else "none, it is a sign"
    segments = [
        f"{layer.activation}: {layer.table.segments} segments"
        for layer in plan.layers
        if layer.table
    ]
    return (
        table(rows, "llrrrr")
        + f"\n\n  rounding of the step: {rounding}; overflow of a parameter: "
        + "; ".join([formats.overflow, *dict.fromkeys(segments)])
    )


_Number = tuple[str, bool, int, int]
_Row = tuple[str, str, str, str, str, str]


def _named(name: str, fmt: Format) -> _Number:
    return name, fmt.signed, fmt.bits, fmt.fraction_bits


def _width(name: str, signed: bool, bits: int, fraction_bits: int) -> _Row:
    # A cost below 1/2 has more fraction bits than bits, for which there is no notation.
    written = bits >= fraction_bits + signed
    notation = str(Format(signed, bits - fraction_bits, fraction_bits)) if written else ""
    low = -(1 << (bits - 1)) if signed else 0
    return _row(name, notation, bits, low, (1 << (bits - signed)) - 1, fraction_bits)


def _symmetric(name: str, bits: int, largest: int, fraction_bits: int) -> _Row:
    return _row(name, "", bits, -largest, largest, fraction_bits)


def _row(name: str, notation: str, bits: int, low: int, high: int, fraction_bits: int) -> _Row:
    from_, to = (f"{end / (1 << fraction_bits):.6g}" for end in (low, high))
    last_bit = f"2^-{fraction_bits}" if fraction_bits else "1"
    return name, notation, str(bits), from_, to, last_bit


def _layers(plan: Plan) -> str:
    rows: list[tuple[object, ...]] = [
        (
            "layer",
            "inputs",
            "neurons",
            "bias",
            "parameters",
            "input",
            "product",
            "sum",
            "activation",
            "output",
            "cycles",
        )
    ]
    for number, (layer, cycles) in enumerate(zip(plan.layers, plan.latency.layers, strict=True)):
        rows.append(
            (
                number,
                layer.inputs,
                layer.outputs,
                "yes" if layer.bias else "no",
                layer.parameters,
                layer.input_format,
                f"{layer.product_bits} bits",
                f"{layer.sum_bits} bits",
                layer.activation,
                layer.output_format,
                cycles,
            )
        )
    return table(rows, "rrrrrrrrrrr")


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
    delay = f"\n\n  update delay D: {plan.update_delay} timesteps"
    if plan.spec.fabric.pipeline:
        copies = plan.spec.fabric.copies
        rows = [
            ("initiation interval: a timestep starts every", plan.interval),
            ("copies of the network", copies),
        ]
        return table(rows, "lr") + delay
    rows = [("with a new sample", plan.clocks_per_timestep())]
    same = plan.clocks_per_timestep(new_sample=False, new_baseline=False)
    if plan.spec.fabric.baseline in ("sample", "literal"):
        rows += [
            ("with a new baseline alone", plan.clocks_per_timestep(new_sample=False)),
            ("with neither", same),
        ]
    else:
        rows.append(("with the same sample", same))
    shuffled = (
        f"\n\n  a new sample in shuffled order: {SHUFFLE_CYCLES} for each position tried, instead "
        f"of {plan.index_cycles}"
    )
    if plan.shake_cycles:
        rows.append(("of these, for the noise of an update", plan.shake_cycles))
    return table(rows, "lr") + shuffled * plan.spec.fabric.shuffle + delay


def _storage(plan: Plan) -> str:
    scan, sample, pipeline = plan.scan, plan.sample, plan.spec.fabric.pipeline
    rows = [("", "bits"), ("theta", scan.theta_bits)]
    if scan.gradient_bits:
        rows.append(("gradient G", scan.gradient_bits))
    own = PERTURBER[plan.spec.fabric.perturbation]
    if scan.perturber_bits:
        rows.append((f"perturbation {own}", scan.perturber_bits))
    if scan.update_perturber_bits:
        rows.append((f"perturbation {own} for late updates", scan.update_perturber_bits))
    rows += [
        ("one parameter", scan.synapse_bits),
        (f"all {count(scan.parameters)} parameters", count(scan.parameters * scan.synapse_bits)),
    ]
    if scan.neurons:
        rows.append((f"defects of all {scan.neurons} neurons", scan.neurons * NEURON_BITS))
    if plan.perturber_state_bits:
        rows.append(("shared by all perturbers", plan.perturber_state_bits))
    if pipeline:
        rows += [
            ("shared by all perturbers for late updates", plan.perturber_state_bits),
            (f"{plan.update_delay} steps in flight", plan.update_delay * plan.flight.bits),
        ]
    rows += [
        ("one sample", sample.bits),
        (f"all {count(sample.samples)} samples", count(sample.samples * sample.bits)),
    ]
    flight = (
        f"\n  flight: {plan.update_delay} words; from bit 0 up, u in {plan.flight.step_bits} bits, "
        f"whether its perturbation was new, whether its window ended"
    )
    return (
        table(rows, "lr")
        + f"\n\n  scan ring: {scan.words} words; from bit 0 up, {_ring(plan, own)}, then "
        + f"{scan.padding_bits} bits of padding"
        + f"\n  sample: {sample.words} word(s), {sample.stride} apart; from bit 0 up, "
        + f"{sample.inputs} x {sample.input_format} inputs, then {sample.outputs} x "
        + f"{sample.target_format} targets"
        + flight * pipeline
    )


def _ring(plan: Plan, own: str) -> str:
    """Tell what the scan ring holds, from bit 0 up; `own` is a perturber's state."""
    scan, planes = plan.scan, ""
    state = ["theta (offset binary, most significant bit first)" if scan.offset_binary else "theta"]
    state += ["G"] * bool(scan.gradient_bits)
    if scan.planes:
        downwards = "of each parameter, the last one first"
        planes = f", then {own} {downwards}" * bool(scan.perturber_bits)
        planes += f", then {own} for late updates {downwards}" * bool(scan.update_perturber_bits)
    else:
        state += [own] * bool(scan.perturber_bits)
    planes += f", then {len(DEFECTS)} defects of each neuron" * bool(scan.neurons)
    return f"{', '.join(state)} of each parameter{planes}"


def _settings(plan: Plan) -> str:
    training = plan.spec.training
    rows = [
        ("tau_x, tau_p, tau_theta", f"{training.tau_x}, {training.tau_p}, {training.tau_theta}"),
        ("dtheta", f"{training.dtheta:g} = {plan.dtheta_steps()} last bits of a parameter"),
        ("eta", f"{training.eta:g} ({training.eta_convention})"),
    ]
    if plan.spec.fabric.correlator == "full":
        mantissa, shift = plan.scale()
        rows.append(("scale of the step", f"{mantissa} / 2^{shift}"))
    else:
        rows.append(("step", f"{plan.sign_step()} last bit(s) of a parameter"))
    if plan.filters:
        rows.append(_time_constant(plan))
    fabric = plan.spec.fabric
    if plan.leaky:
        constant = (1 << fabric.decay_shift) - 1
        rows.append(("time constant of the leak", f"{constant} timesteps"))
    if fabric.cost_noise:
        rows.append(("sigma_c", f"{training.sigma_c:g}: a level of {plan.cost_noise_level()}"))
    if fabric.update_noise != "none":
        level = plan.update_noise_level()
        rows.append(("sigma_theta", f"{training.sigma_theta:g}: a level of {level}"))
    if fabric.defects:
        rows.append(("sigma_a", f"{training.sigma_a:g}"))
    rows += [("sample order", training.order), ("timesteps", count(training.steps))]
    return table(rows)


def _time_constant(plan: Plan) -> tuple[str, str]:
    training, constant = plan.spec.training, 1 << plan.spec.training.mean_shift
    name = "mean"
    if plan.spec.fabric.baseline == "highpass":
        name, constant = "filter", constant - 1
    anew = ", anew with every sample" * training.blank
    return f"time constant of the {name}", f"{constant} timesteps{anew}"


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

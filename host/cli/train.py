"""``pmgd train``: a specification in, a trained network and a run folder out."""

import argparse
import json
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import numpy as np

from pmgd.gateware.errors import DataError, DeviceError
from pmgd.gateware.plan import Plan
from pmgd.gateware.spec import Spec
from pmgd.host.cli.progress import ProgressLine
from pmgd.host.cli.text import count, rate, table
from pmgd.host.datasets import Dataset, load
from pmgd.host.open_device import DEVICE_NAMES, open_device
from pmgd.host.result import Result
from pmgd.host.run_folder import check_out, new_run_folder, write_run
from pmgd.host.spec_file import load_spec, parse_setting, parse_value
from pmgd.host.trainer import Trainer

__all__ = ["add_parser", "run"]

INTERRUPTED = 130
SHOWN_SAMPLES = 16


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command's options."""
    parser = commands.add_parser(
        "train",
        help="train a network on a device and write a run folder",
        description="Train a network on a device, show its progress, and write a run folder.",
    )
    parser.add_argument("spec", metavar="SPEC", help="a preset's name, such as xor, or a TOML file")
    parser.add_argument(
        "--device", default="rtl", help=f"{', '.join(DEVICE_NAMES)}; default: %(default)s"
    )
    parser.add_argument("--steps", metavar="N", help="timesteps; short for training.steps")
    parser.add_argument("--seed", metavar="S", help="short for training.seed")
    parser.add_argument(
        "--set",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        dest="settings",
        help="change a setting, such as training.eta=0.25; may be repeated",
    )
    parser.add_argument("--data", metavar="FILE", help="an .npz or .csv file, or xor; data.source")
    parser.add_argument(
        "--out", metavar="DIR", type=Path, help="run folder; default: runs/NAME-DATE-TIME"
    )
    parser.add_argument(
        "--trace",
        metavar="FILE",
        type=Path,
        help=".vcd: the waveform of rtl or pysim; .npz: cost, step and parameters of every "
        "timestep",
    )
    parser.add_argument("--json", action="store_true", help="print the result as JSON alone")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Carry the command out and return its exit code."""
    spec = _spec(args)
    plan = Plan(spec)
    dataset = load(spec.data, spec.network)
    progress = ProgressLine(sys.stderr)
    waveform, recording = _check_trace(args.trace)
    folder = args.out or new_run_folder(spec.name)
    if notice := check_out(folder):
        progress.note(f"pmgd: {notice}")
    progress.note(
        f"training {spec.name} ({'-'.join(map(str, spec.network.layers))}, {plan.parameters} "
        f"parameters) on {args.device}, seed {spec.training.seed}"
    )
    device = open_device(args.device, plan, waveform)
    try:
        trainer = Trainer(spec, device, progress=progress, record=recording)
        with _interruption(trainer.stop) as interrupted:
            trainer.fit(dataset.x, dataset.y)
        progress.finish()
        outputs = trainer.predict_outputs(dataset.x[:SHOWN_SAMPLES])
    finally:
        progress.finish()
        device.close()
    result = Result.of(trainer, args.device, interrupted=bool(interrupted))
    for notice in write_run(folder, trainer, result):
        progress.note(f"pmgd: {notice}")
    if recording:
        _write_trace(args.trace, trainer)
    if args.json:
        print(json.dumps({**result.to_mapping(), "out": str(folder)}, indent=2))
    else:
        print(_summary(spec, plan, result, folder, args.trace))
        if len(dataset.x) <= SHOWN_SAMPLES:
            print(_samples(dataset, outputs))
    return INTERRUPTED if interrupted else 0


def _spec(args: argparse.Namespace) -> Spec:
    settings = dict(parse_setting(text) for text in args.settings)
    if args.steps is not None:
        settings["training.steps"] = parse_value(args.steps)
    if args.seed is not None:
        settings["training.seed"] = parse_value(args.seed)
    if args.data is not None:
        settings["data.source"] = args.data
    return load_spec(args.spec).with_settings(settings)


def _check_trace(path: Path | None) -> tuple[Path | None, bool]:
    """Return the file for a waveform, and whether to record timesteps."""
    if path is None:
        return None, False
    if path.suffix not in (".vcd", ".npz"):
        raise DeviceError(
            f"a trace must be a .vcd file for a waveform or an .npz file for timesteps, not "
            f"{path}; rename it"
        )
    if not path.parent.is_dir():
        raise DataError(f"a trace must go to a folder that exists, not {path.parent}; make it")
    return (path, False) if path.suffix == ".vcd" else (None, True)


@contextmanager
def _interruption(stop: Callable[[], None]) -> Iterator[list[int]]:
    """While it lasts, turn the first Ctrl-C into a call of `stop`, noted in the list."""
    seen: list[int] = []

    def handle(number: int, frame: FrameType | None) -> None:
        seen.append(number)
        signal.signal(signal.SIGINT, previous)  # a second one ends the program
        stop()

    previous = signal.signal(signal.SIGINT, handle)
    try:
        yield seen
    finally:
        signal.signal(signal.SIGINT, previous)


def _write_trace(path: Path, trainer: Trainer) -> None:
    trace = trainer.trace_
    with path.open("wb") as file:
        np.savez(
            file,
            cost=trace.cost,
            baseline=trace.baseline,
            step=trace.step,
            parameters=trace.parameters,
        )


def _summary(spec: Spec, plan: Plan, result: Result, folder: Path, trace: Path | None) -> str:
    limit = spec.training.solved_cost
    verdict = f"solved, below {limit:g}" if result.solved else f"not solved, {limit:g} or more"
    early = f", interrupted before {count(spec.training.steps)}" if result.interrupted else ""
    rows = [
        ("timesteps", f"{count(result.steps)}{early}"),
        ("speed", f"{rate(result.timesteps_per_s)}timesteps/s on {result.device}"),
        ("cost", f"{result.cost:.3e}  ({verdict})"),
        ("accuracy", f"{result.accuracy:.1%}"),
        ("parameters", f"{plan.parameters}, SHA-256 {result.params_sha256[:16]}..."),
        ("plan digest", result.plan_digest),
        ("run folder", str(folder)),
    ]
    if trace is not None:
        rows.append(("trace", str(trace)))
    return f"\n{spec.name} {'-'.join(map(str, spec.network.layers))}\n\n{table(rows)}\n"


def _samples(dataset: Dataset, outputs: "np.ndarray[tuple[int, ...], np.dtype[np.float64]]") -> str:
    rows = [("inputs", "targets", "outputs")]
    for x, y, output in zip(dataset.x, dataset.y, outputs, strict=True):
        rows.append(
            (
                " ".join(f"{value:g}" for value in x),
                " ".join(f"{value:g}" for value in y),
                " ".join(f"{value:.3f}" for value in output),
            )
        )
    return table(rows) + "\n"

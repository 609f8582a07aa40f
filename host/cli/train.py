"""``pmgd train``: a specification in, a trained network and a run folder out."""

import argparse
import json
import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType
from typing import Any, Self

import numpy as np

from pmgd.gateware.errors import DataError, DeviceError
from pmgd.gateware.plan import Plan
from pmgd.gateware.spec import Spec
from pmgd.host.cli.options import add_spec_arguments, spec_from
from pmgd.host.cli.progress import ProgressLine
from pmgd.host.cli.text import count, rate, table
from pmgd.host.datasets import Dataset, load
from pmgd.host.open_device import DEVICE_NAMES
from pmgd.host.quantisation import Quantisation, quantise_samples
from pmgd.host.result import Result
from pmgd.host.run_folder import check_out, new_run_folder, room_for, write_run
from pmgd.host.spec_file import parse_value
from pmgd.host.trainer import Progress, Trainer

__all__ = ["add_parser", "run"]

INTERRUPTED = 130
SHOWN_SAMPLES = 16
RUNS = Path("runs")
"""Where runs go that are not given a folder."""


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command's options."""
    parser = commands.add_parser(
        "train",
        help="train a network on a device and write a run folder",
        description="Train a network on a device, show its progress, and write a run folder.",
    )
    add_spec_arguments(parser)
    parser.add_argument(
        "--device", default="rtl", help=f"{', '.join(DEVICE_NAMES)}; default: %(default)s"
    )
    parser.add_argument("--steps", metavar="N", help="timesteps; short for training.steps")
    parser.add_argument("--seed", metavar="S", help="short for training.seed")
    parser.add_argument(
        "--data", metavar="SOURCE", help="a built-in task, such as nist7x7, or a file; data.source"
    )
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
    waveform, recording = _check_trace(args.trace)
    line = ProgressLine(sys.stderr)
    if notice := check_out(args.out or RUNS / ".new"):
        line.note(f"pmgd: {notice}")
    for report in _quantisation(spec, dataset):
        line.note(report.describe())
    line.note(
        f"training {spec.name} ({'-'.join(map(str, spec.network.layers))}, {plan.parameters} "
        f"parameters) on {args.device}, seed {spec.training.seed}"
    )
    if args.device == "rtl":
        line.status("preparing the device; a new plan is compiled first, in up to a minute")
    with Trainer(spec, args.device, record=recording, waveform=waveform) as trainer:
        with _Watch(line, trainer.stop) as watch:
            trainer.progress = watch
            trainer.fit(dataset.x, dataset.y)
        outputs = trainer.predict_outputs(dataset.x[:SHOWN_SAMPLES])
    early = int(trainer.history_.timestep[-1]) < spec.training.steps
    result = Result.of(trainer, args.device, interrupted=watch.interrupted and early)
    folder = args.out or new_run_folder(spec.name, RUNS)
    try:
        notices = write_run(folder, trainer, result)
    except BaseException:
        if args.out is None:  # it was made for this run
            shutil.rmtree(folder, ignore_errors=True)
        raise
    for notice in notices:
        line.note(f"pmgd: {notice}")
    if recording:
        _write_trace(args.trace, trainer)
    if args.json:
        print(json.dumps({**result.to_mapping(), "out": str(folder)}, indent=2))
    else:
        print(_summary(spec, plan, result, folder, args.trace))
        if len(dataset.x) <= SHOWN_SAMPLES:
            print(_samples(dataset, outputs))
    return INTERRUPTED if result.interrupted else 0


def _spec(args: argparse.Namespace) -> Spec:
    settings: dict[str, Any] = {}
    if args.steps is not None:
        settings["training.steps"] = parse_value(args.steps)
    if args.seed is not None:
        settings["training.seed"] = parse_value(args.seed)
    if args.data is not None:
        settings["data.source"] = args.data
    return spec_from(args, settings)


def _quantisation(spec: Spec, dataset: Dataset) -> tuple[Quantisation, Quantisation]:
    """Quantise the data before anything is compiled, and return what that did."""
    formats, clip = spec.formats, spec.data.clip
    return (
        quantise_samples(dataset.x, formats.input, "inputs", clip=clip)[1],
        quantise_samples(dataset.y, formats.target, "targets", clip=clip)[1],
    )


def _check_trace(path: Path | None) -> tuple[Path | None, bool]:
    """Return the file for a waveform, and whether to record timesteps."""
    if path is None:
        return None, False
    if path.suffix not in (".vcd", ".npz"):
        raise DeviceError(
            f"a trace must be a .vcd file for a waveform or an .npz file for timesteps, not "
            f"{path}; rename it"
        )
    if path.is_dir() or not os.access(path.parent, os.W_OK):
        raise DataError(
            f"a trace must be a file in a folder that exists and can be written to, not {path}; "
            f"make the folder or choose another"
        )
    return (path, False) if path.suffix == ".vcd" else (None, True)


class _Watch:
    """Shows the progress; once there is any, the first Ctrl-C ends the training regularly."""

    def __init__(self, line: ProgressLine, stop: Callable[[], None]) -> None:
        self.interrupted = False
        self._line = line
        self._stop = stop
        self._previous = signal.getsignal(signal.SIGINT)

    def __call__(self, progress: Progress) -> None:
        if not self.interrupted:
            signal.signal(signal.SIGINT, self._interrupt)
        self._line(progress)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        signal.signal(signal.SIGINT, self._previous)
        self._line.finish()

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        self.interrupted = True
        signal.signal(signal.SIGINT, self._previous)  # a second one ends the program
        self._stop()


def _write_trace(path: Path, trainer: Trainer) -> None:
    trace = trainer.trace_
    with (
        room_for("a trace", path),
        TemporaryDirectory(prefix=f".{path.name}.", dir=path.parent) as folder,
    ):
        draft = Path(folder) / "trace.npz"
        np.savez(
            draft,
            cost=trace.cost,
            baseline=trace.baseline,
            step=trace.step,
            parameters=trace.parameters,
        )
        draft.replace(path)


def _summary(spec: Spec, plan: Plan, result: Result, folder: Path, trace: Path | None) -> str:
    limit = spec.training.solved_cost
    verdict = (
        f"  (solved, below {limit:g})" if result.solved else f"  (not solved, {limit:g} or more)"
    )
    early = f", interrupted before {count(spec.training.steps)}" if result.interrupted else ""
    rows = [
        ("timesteps", f"{count(result.steps)}{early}"),
        ("speed", f"{rate(result.timesteps_per_s)} timesteps/s on {result.device}"),
        ("cost", f"{result.cost:.3e}{verdict if limit else ''}"),
        ("accuracy", f"{result.accuracy:.2%} of {count(result.samples)} samples"),
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

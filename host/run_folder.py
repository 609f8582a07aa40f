"""A run on disk: plain files that anything can read, all of them or none."""

import csv
import itertools
import json
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from pmgd.gateware.errors import DataError
from pmgd.gateware.plan import Plan
from pmgd.gateware.spec import Spec
from pmgd.host.datasets import is_file
from pmgd.host.plot import plot_curves
from pmgd.host.result import Result
from pmgd.host.spec_file import dump_spec
from pmgd.host.trainer import Trainer

__all__ = ["check_out", "new_run_folder", "room_for", "write_run"]

FILES = ("spec.toml", "history.csv", "parameters.csv", "result.json", "curves.png")


def new_run_folder(name: str, parent: Path) -> Path:
    """Make an empty folder for a run, ``runs/NAME-DATE-TIME`` or with a count, and return it.

    Making it is what keeps another run, that ends in the same second, from taking it.
    """
    stem = f"{name}-{time.strftime('%Y%m%d-%H%M%S')}"
    for count in itertools.count(1):
        folder = parent / (stem if count == 1 else f"{stem}-{count}")
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            continue
        return folder
    raise AssertionError("counting does not end")


def check_out(folder: Path) -> str:
    """Check that `write_run` can put a run at a path, before any time is spent on training.

    Returns
    -------
    A sentence to show the user if a run there will be replaced, else nothing.

    Raises
    ------
    DataError
        If there is a file, or a folder that holds anything else than a run, or nothing can be
        written there.
    """
    if folder.exists() and not folder.is_dir():
        raise DataError(f"a run must be written to a folder, not to the file {folder}; choose one")
    entries = sorted(entry.name for entry in folder.iterdir()) if folder.exists() else []
    strangers = [name for name in entries if name not in FILES]
    if strangers:
        raise DataError(
            f"a run must be written to a new folder or over an earlier run, not to {folder}, which "
            f"holds {strangers[0]}; choose another folder"
        )
    try:
        _draft(folder).rmdir()
    except OSError as error:
        raise DataError(
            f"a run must be written where folders can be made, not to {folder}: {error.strerror}; "
            f"choose another folder"
        ) from error
    return f"replacing the run in {folder}" if entries else ""


@contextmanager
def room_for(what: str, path: Path) -> Iterator[None]:
    """Tell in a sentence what could not be written within, such as on a full disk.

    Raises
    ------
    DataError
        In place of an `OSError`.
    """
    try:
        yield
    except OSError as error:
        raise DataError(
            f"{what} must be written where there is room for it, not to {path}: "
            f"{error.strerror or error}; make room or choose another folder"
        ) from error


def write_run(folder: Path, trainer: Trainer, result: Result) -> list[str]:
    """Write a finished training as a folder, replacing a run that is there.

    The files are made in a hidden folder beside it and appear together at the end:

    - ``spec.toml``: the specification, which `pmgd train` accepts
    - ``history.csv``: timestep, cost, accuracy
    - ``parameters.csv``: layer, neuron, input (or ``bias``), the stored integer, its real value;
      all counted from 0
    - ``result.json``: the result, with `Result`'s names
    - ``curves.png``: the history drawn, if matplotlib is installed

    Returns
    -------
    Sentences to show the user: what was left out.

    Raises
    ------
    DataError
        As in `check_out`; and if writing fails, such as on a full disk: then nothing is left of it.
    """
    folder = folder.resolve()
    check_out(folder)
    with room_for("a run", folder):
        draft = _draft(folder)
        try:
            notices = _fill(draft, trainer, result)
            _publish(draft, folder)
        except BaseException:
            shutil.rmtree(draft, ignore_errors=True)
            raise
    return notices


def _fill(draft: Path, trainer: Trainer, result: Result) -> list[str]:
    """Write the files of a run into an empty folder, and return what `write_run` does."""
    spec, history = trainer.spec, trainer.history_
    notices = []
    draft.chmod(0o755)  # a temporary folder is private, a run need not be
    (draft / "spec.toml").write_text(_spec_text(spec), encoding="utf-8")
    _write_csv(
        draft / "history.csv",
        ("timestep", "cost", "accuracy"),
        zip(
            history.timestep.tolist(),
            history.cost.tolist(),
            history.accuracy.tolist(),
            strict=True,
        ),
    )
    _write_csv(
        draft / "parameters.csv",
        ("layer", "neuron", "input", "stored", "value"),
        _parameter_rows(Plan(spec), trainer),
    )
    (draft / "result.json").write_text(
        json.dumps(result.to_mapping(), indent=2) + "\n", encoding="utf-8"
    )
    if find_spec("matplotlib") is None:
        notices.append(
            "curves.png was left out, since matplotlib is not installed; "
            "install it with: pip install 'pmgd[sim]'"
        )
    else:
        plot_curves(history, _title(result), spec.training.solved_cost, draft / "curves.png")
    return notices


def _draft(folder: Path) -> Path:
    folder.parent.mkdir(parents=True, exist_ok=True)
    return Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))


def _spec_text(spec: Spec) -> str:
    if is_file(spec.data.source):
        spec = spec.with_settings({"data.source": str(Path(spec.data.source).resolve())})
    return dump_spec(spec, f"plan digest {Plan(spec).digest:016x}\nTrain it again: pmgd train FILE")


def _title(result: Result) -> str:
    return f"{result.name} on {result.device}, seed {result.seed}"


def _parameter_rows(plan: Plan, trainer: Trainer) -> Iterable[Sequence[object]]:
    stored, real = trainer.params_stored_.tolist(), trainer.params_.tolist()
    index = 0
    for layer, shape in enumerate(plan.layers):
        for neuron in range(shape.outputs):
            for source in [*range(shape.inputs), *["bias"] * shape.bias]:
                yield layer, neuron, source, stored[index], real[index]
                index += 1


def _write_csv(path: Path, titles: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(titles)
        writer.writerows(rows)


def _publish(draft: Path, folder: Path) -> None:
    if not folder.exists():
        draft.rename(folder)
        return
    for name in FILES:
        if (draft / name).exists():
            (draft / name).replace(folder / name)
        else:
            (folder / name).unlink(missing_ok=True)  # of the run that is being replaced
    draft.rmdir()

"""Size and speed of the watched fabrics, against what they were."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from pmgd.boards.critical_path import CriticalPath
from pmgd.boards.family import Resources
from pmgd.boards.measure import Measurement, measure
from pmgd.boards.references import REFERENCES, read_baselines, regressions, write_baselines
from pmgd.boards.report import Report
from pmgd.gateware.errors import DataError
from pmgd.gateware.plan import Plan

BASELINES = Path(__file__).parents[2] / "benchmarks" / "baselines.json"
MEASURED = Measurement(
    name="xor_sequential",
    board="ulx3s_85f",
    parameters=9,
    clocks_per_timestep=33,
    update_delay=0,
    report=Report(Resources(1000, 500, 7, 3), Resources(83_640, 83_640, 156, 208), 80_000_000),
    limit=CriticalPath("a", "b", 5.0, 7.5, 9),
    constraint_hz=150_000_000,
    seed=1,
)


@pytest.mark.parametrize("reference", REFERENCES, ids=lambda each: each.spec.name)
def test_every_reference_is_a_fabric_with_a_name_of_its_own(reference):
    assert Plan(reference.spec).parameters in (9, 220)
    assert sum(each.spec.name == reference.spec.name for each in REFERENCES) == 1


def test_baselines_are_kept_and_those_of_others_stay(tmp_path):
    file = tmp_path / "baselines.json"
    write_baselines(file, {"xor_sequential": MEASURED})
    write_baselines(file, {"xor_pipelined_2": replace(MEASURED, name="xor_pipelined_2")})
    kept = read_baselines(file)
    assert list(kept) == ["xor_sequential", "xor_pipelined_2"]
    assert regressions(kept["xor_sequential"], MEASURED, file) == []


@pytest.mark.parametrize(
    ("lut", "ff", "fmax_hz", "told"),
    [
        (1050, 525, 76_000_000, []),
        (500, 100, 200_000_000, []),
        (1051, 500, 80_000_000, ["lut of xor_sequential .* 1,000, but is 1,051, .5.1%"]),
        (1000, 600, 80_000_000, ["ff of .* within 5% of 500, but is 600, .20.0%"]),
        (1000, 500, 75_900_000, ["fmax_hz of .* 80,000,000, but is 75,900,000, -5.1%"]),
        (2000, 1000, 40_000_000, ["lut", "ff", "fmax_hz"]),
    ],
)
def test_growth_and_loss_of_speed_are_told(tmp_path, lut, ff, fmax_hz, told):
    file = tmp_path / "baselines.json"
    write_baselines(file, {"xor_sequential": MEASURED})
    now = replace(
        MEASURED, report=Report(Resources(lut, ff, 7, 3), MEASURED.report.available, fmax_hz)
    )
    found = regressions(read_baselines(file)["xor_sequential"], now, file)
    assert len(found) == len(told)
    for sentence, message in zip(found, told, strict=True):
        assert re.match(message, sentence)
        assert f"run: pmgd bench fabric xor_sequential --write {file}" in sentence


def test_a_clock_more_a_timestep_is_told(tmp_path):
    file = tmp_path / "baselines.json"
    write_baselines(file, {"xor_sequential": MEASURED})
    kept = read_baselines(file)["xor_sequential"]
    (sentence,) = regressions(kept, replace(MEASURED, clocks_per_timestep=34), file)
    assert "clocks_per_timestep of xor_sequential on ulx3s_85f" in sentence
    assert "within 0% of 33, but is 34" in sentence


def test_a_multiplier_more_is_told(tmp_path):
    file = tmp_path / "baselines.json"
    write_baselines(file, {"xor_sequential": MEASURED})
    used = Resources(1000, 500, 8, 3)
    now = replace(MEASURED, report=replace(MEASURED.report, used=used))
    (sentence,) = regressions(read_baselines(file)["xor_sequential"], now, file)
    assert "dsp of xor_sequential on ulx3s_85f must stay within 5% of 7, but is 8" in sentence


@pytest.mark.parametrize(
    "content", [None, "", "[]", "{}", '{"fabrics": []}', '{"fabrics": {"a": 1}}']
)
def test_another_file_is_refused(tmp_path, content):
    file = tmp_path / "other.json"
    if content is not None:
        file.write_text(content)
    with pytest.raises(DataError, match="bench fabric --write"):
        read_baselines(file)


@pytest.mark.synth
@pytest.mark.parametrize(
    "reference", [each for each in REFERENCES if each.small], ids=lambda each: each.spec.name
)
def test_no_fabric_grows_or_slows_down_unnoticed(reference):
    kept = read_baselines(BASELINES)[reference.spec.name]
    measured = measure(reference.spec, reference.board)
    found = regressions(kept, measured, Path("benchmarks/baselines.json"))
    assert not found, "\n".join(found)

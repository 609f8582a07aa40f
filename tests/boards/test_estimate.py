"""Estimates of size against hand-made counts, and against what synthesis and packing counted."""

import time
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from pmgd.boards.build import build
from pmgd.boards.calibration import COUNTED, read_counts, write_counts
from pmgd.boards.capacity import check_capacity
from pmgd.boards.catalog import BOARDS, board
from pmgd.boards.estimate import estimate
from pmgd.boards.family import Resources
from pmgd.boards.icebreaker import ICEBREAKER
from pmgd.boards.packed import pack
from pmgd.boards.references import REFERENCES, read_baselines
from pmgd.boards.ulx3s_85f import ULX3S_85F
from pmgd.gateware.errors import DataError, SpecError
from pmgd.gateware.plan import Plan
from pmgd.gateware.presets import PRESETS, nist7x7, nist7x7_fast, parity4, xor

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
COUNTS = read_counts(BENCHMARKS / "counts.json")
WITHIN = 0.15
"""A fabric is told by this much, of what place and route, or packing, reports."""


def used(spec, where) -> Resources:
    return estimate(Plan(spec), where).used


def assert_close(told: Resources, counted: Resources, name: str) -> None:
    for key in ("lut", "ff"):
        share = getattr(told, key) / getattr(counted, key) - 1
        assert abs(share) <= WITHIN, f"{key} of {name}: {share:+.1%}"
    assert (told.dsp, told.block_ram) == (counted.dsp, counted.block_ram), name


@pytest.mark.parametrize("each", COUNTED, ids=lambda each: each.name)
def test_an_estimate_is_close_to_what_was_counted(each):
    assert_close(used(each.spec, each.board), COUNTS[each.name], each.name)


def test_fabrics_are_held_out_and_names_are_their_own():
    assert sum(each.held_out for each in COUNTED) >= 4
    assert len({each.name for each in COUNTED}) == len(COUNTED)
    assert list(COUNTS) == [each.name for each in COUNTED]


@pytest.mark.parametrize("reference", REFERENCES, ids=lambda each: each.spec.name)
def test_an_estimate_is_close_to_what_place_and_route_reported(reference):
    kept = read_baselines(BENCHMARKS / "baselines.json").get(reference.spec.name)
    if kept is not None:
        told = used(reference.spec, reference.board)
        counted = Resources(**{key: kept[key] for key in asdict(told)})
        assert_close(told, counted, reference.spec.name)


@pytest.mark.parametrize("where", BOARDS, ids=lambda each: each.name)
@pytest.mark.parametrize("preset", PRESETS, ids=lambda each: each.__name__)
def test_every_preset_is_told_for_every_board_at_once(preset, where):
    begun = time.process_time()
    plan = Plan(preset())
    expected = estimate(plan, where)
    fits = not expected.excess
    try:
        check_capacity(plan, where)
    except SpecError:
        assert not fits
    else:
        assert fits
    assert time.process_time() - begun < 2
    parts = [asdict(part) for part in expected.parts.values()]
    for name, whole in asdict(expected.used).items():
        assert whole > 0
        assert sum(part[name] for part in parts) == pytest.approx(whole, abs=len(parts))


def test_multipliers_of_xor_by_hand():
    # Two weights behind the hidden layer, three activations, the square and the scale.
    assert used(xor(), ULX3S_85F).dsp == 2 + 3 + 1 + 1
    # A change of 18 bits is beyond 16, and takes two.
    assert used(xor(), ICEBREAKER).dsp == 2 + 3 + 1 + 2


def test_multipliers_of_two_copies_by_hand():
    weights = 4 * 4 * 2  # of the second layer, which is not shared
    activations, amplitudes, squares = (4 + 4) * 2, 4 + 4 * 2, 4 * 2
    scale, index = 1, 2
    total = weights + activations + amplitudes + squares + scale + index
    assert used(nist7x7_fast(), ULX3S_85F).dsp == total == 71


@pytest.mark.parametrize(
    ("samples", "where", "blocks"),
    [
        # A sample is 49 + 4 bits: a word of 32 and one of 21.
        (16, ULX3S_85F, 1 + 1),
        (512, ULX3S_85F, 1 + 1),
        (1024, ULX3S_85F, 2 + 2),  # of 1024 by 18, or 512 by 36
        (2048, ULX3S_85F, 4 + 3),  # of 2048 by 9
        (16_384, ULX3S_85F, 32 + 21),
        (16_385, ULX3S_85F, 2 * 53),  # every bit of its own blocks, from here on
        (44_136, ULX3S_85F, 3 * 53),
        (256, ICEBREAKER, 2 + 2),  # of 256 by 16
        (512, ICEBREAKER, 4 + 3),  # of 512 by 8
        (2048, ICEBREAKER, 16 + 11),  # of 2048 by 2
    ],
)
def test_blocks_of_memory_by_hand(samples, where, blocks):
    spec = nist7x7().with_settings({"fabric.samples": samples})
    assert used(spec, where).block_ram == blocks + 2  # two in the link


def test_the_mean_timestep_follows_the_taus():
    spec = xor()
    plan = Plan(spec)
    assert estimate(plan, ULX3S_85F).clocks_per_timestep == plan.clocks_per_timestep()
    slow = Plan(spec.with_settings({"training.tau_x": 4, "training.tau_theta": 4}))
    bare = slow.clocks_per_timestep(new_sample=False, new_baseline=False)
    mean = (slow.clocks_per_timestep() + 3 * bare) / 4
    assert estimate(slow, ULX3S_85F).clocks_per_timestep == mean
    shuffled = spec.with_settings({"fabric.shuffle": True, "training.order": "shuffled"})
    expected = estimate(Plan(shuffled), ULX3S_85F)
    assert expected.clocks_per_timestep == plan.clocks_per_timestep() - plan.index_cycles + 6
    assert expected.timesteps_per_s(25_000_000) == pytest.approx(25e6 / 34)


def test_a_typical_fmax_is_between_those_that_were_measured():
    typical = [
        estimate(Plan(nist7x7_fast().with_settings(settings)), ULX3S_85F).typical_fmax_hz
        for settings in ({}, {"network.layers": [2, 2, 4]}, {"network.layers": [9, 4, 4]})
    ]
    assert typical[0] == 99_000_000
    assert typical[0] < typical[2] < typical[1] <= 121_000_000


def refusal(spec, where) -> str:
    plan = Plan(spec)
    with pytest.raises(SpecError) as caught:
        check_capacity(plan, where)
    return str(caught.value)


def test_too_many_samples_are_refused_with_how_many_there_may_be():
    text = refusal(nist7x7_fast().with_settings({"fabric.samples": 100_000}), ULX3S_85F)
    assert "nist7x7_fast must fit Radiona ULX3S-85F" in text
    assert "373 block RAM where there are 208" in text  # 53 bits of 7 blocks, and 2
    assert "fabric.samples at most 49,152" in text
    largest = nist7x7_fast().with_settings({"fabric.samples": 49_152})
    assert used(largest, ULX3S_85F).block_ram == 3 * 53 + 2
    check_capacity(Plan(largest), ULX3S_85F)


def test_too_large_a_hidden_layer_is_refused_with_how_large_it_may_be():
    spec = parity4().with_settings({"network.layers": [4, 200, 1], "fabric.lfsr_bits": 32})
    text = refusal(spec, ULX3S_85F)
    assert "DSP where there are 156" in text
    most = int(text.partition("the hidden layer at most ")[2].split()[0])
    check_capacity(Plan(spec.with_settings({"network.layers": [4, most, 1]})), ULX3S_85F)
    told = used(spec.with_settings({"network.layers": [4, most + 1, 1]}), ULX3S_85F)
    assert told.dsp > 156 or told.lut > 83_640


def test_a_larger_board_is_told():
    text = refusal(parity4(), ICEBREAKER)
    assert "about 7,9" in text
    assert "LUT where there are 5,280 and 12 DSP where there are 8" in text
    assert "or the board ulx3s_85f, where it would take about 6," in text
    assert "of 83,640 LUT" in text


def test_one_copy_is_told_where_two_do_not_fit():
    spec = next(each.spec for each in REFERENCES if each.spec.fabric.copies == 2)
    assert "fabric.copies = 1" in refusal(spec, replace(ULX3S_85F, capacity=_some(dsp=13)))


def _some(**fewer: int) -> Resources:
    return replace(ULX3S_85F.capacity, **fewer)


def test_where_nothing_fits_the_least_is_told():
    spec = nist7x7().with_settings({"network.layers": [4096, 1, 1], "fabric.lfsr_bits": 32})
    text = refusal(spec, ULX3S_85F)
    assert "choose a smaller network, or add a board with at least" in text


def test_what_the_estimate_may_be_wrong_by_is_not_refused():
    plan = Plan(xor())
    lut = estimate(plan, ULX3S_85F).used.lut
    check_capacity(plan, replace(ULX3S_85F, capacity=_some(lut=round(lut / 1.14))))
    small = replace(ULX3S_85F, capacity=_some(lut=round(lut / 1.16)))
    with pytest.raises(SpecError, match=f"about {lut:,} LUT where there are"):
        check_capacity(plan, small)


def test_a_build_is_refused_before_a_tool_is_looked_for(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SpecError, match="parity4 must fit 1BitSquared iCEBreaker"):
        build(parity4(), board("icebreaker"), tmp_path / "out", tools="native")
    assert not (tmp_path / "out").exists()


def test_counts_are_kept_and_those_of_others_stay(tmp_path):
    file = tmp_path / "counts.json"
    first, second = (each.name for each in COUNTED[:2])
    write_counts(file, {second: Resources(1, 2, 3, 4)})
    write_counts(file, {first: Resources(5, 6, 7, 8)})
    assert read_counts(file) == {first: Resources(5, 6, 7, 8), second: Resources(1, 2, 3, 4)}
    assert list(read_counts(file)) == [first, second]


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"counts": []}', '{"counts": {"a": 1}}'])
def test_another_file_is_refused(tmp_path, content):
    file = tmp_path / "other.json"
    file.write_text(content)
    with pytest.raises(DataError, match=r"calibrate\.py --write"):
        read_counts(file)


@pytest.mark.synth
@pytest.mark.parametrize(
    "each",
    [each for each in COUNTED if each.name in ("hold on ulx3s_85f", "xor_fast on icebreaker")],
    ids=lambda each: each.name,
)
def test_what_synthesis_makes_is_still_close(tmp_path, each):
    counted = pack(each.spec, each.board, tmp_path)
    assert_close(used(each.spec, each.board), counted, each.name)
    for key, kept in asdict(COUNTS[each.name]).items():
        assert abs(getattr(counted, key) - kept) <= WITHIN * kept, key

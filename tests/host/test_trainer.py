import os
import signal
from itertools import pairwise

import numpy as np
import pytest

from pmgd.gateware import presets
from pmgd.gateware.errors import DataError, DeviceError, DigestMismatchError, SpecError
from pmgd.gateware.plan import Plan
from pmgd.host import Trainer
from pmgd.host.driver import Driver
from pmgd.sim.golden_device import GoldenDevice

X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
Y = np.array([0, 1, 1, 0])


def spec(**settings):
    return presets.xor().with_settings({k.replace("__", "."): v for k, v in settings.items()})


WINDOWS = {"training__tau_theta": 7, "training__tau_x": 4, "training__tau_p": 3}


def test_making_a_trainer_checks_and_opens_nothing():
    trainer = Trainer("no specification", "no device")
    assert (trainer.spec, trainer.device) == ("no specification", "no device")


def test_xor_is_learned():
    with Trainer(spec(), "golden") as trainer:
        assert trainer.fit(X, Y, steps=12_000) is trainer
        assert trainer.predict(X).tolist() == [0, 1, 1, 0]
        assert trainer.score(X, Y) == trainer.accuracy_ == 1.0
        assert trainer.solved_
        outputs = trainer.predict_outputs(X)
    assert trainer.cost_ == np.mean((outputs[:, 0] - Y) ** 2) < 0.01
    assert trainer.timesteps_per_s_ > 0
    assert np.array_equal(trainer.params_, trainer.params_stored_ / 256)


def test_fitting_again_begins_again():
    with Trainer(spec(), "golden") as trainer:
        first = trainer.fit(X, Y, steps=300).params_stored_
        history = trainer.history_
        second = trainer.fit(X, Y, steps=300).params_stored_
        assert np.array_equal(first, second)
        assert np.array_equal(history.cost, trainer.history_.cost)
        trainer.spec = spec(training__seed=1)
        assert not np.array_equal(first, trainer.fit(X, Y, steps=300).params_stored_)


NOISY = {**WINDOWS, "fabric__cost_noise": True, "training__sigma_c": 0.01}


@pytest.mark.parametrize(
    "settings",
    [{}, WINDOWS, NOISY, {"fabric__baseline": "mean"}, {"fabric__baseline": "highpass"}],
    ids=["xor", "windows", "noisy", "mean", "highpass"],
)
def test_partial_fit_goes_on(settings):
    with Trainer(spec(**settings), "golden") as whole, Trainer(spec(**settings), "golden") as parts:
        whole.fit(X, Y, steps=500)
        parts.fit(X, Y, steps=123).partial_fit(X, Y, 77).partial_fit(X, Y, 300)
        assert np.array_equal(whole.params_stored_, parts.params_stored_)
        assert whole.cost_ == parts.cost_
        assert parts.history_.timestep[-1] == 500
        assert np.all(np.diff(parts.history_.timestep) > 0)


def test_partial_fit_begins_where_nothing_was_trained():
    with Trainer(spec(), "golden") as fitted, Trainer(spec(), "golden") as partly:
        fitted.fit(X, Y, steps=50)
        partly.partial_fit(X, Y, 50)
        assert np.array_equal(fitted.params_stored_, partly.params_stored_)


def test_partial_fit_takes_other_settings_and_data():
    with Trainer(spec(), "golden") as trainer:
        trainer.fit(X, Y, steps=100)
        before = trainer.params_stored_
        trainer.spec = spec(training__eta=0.0)
        trainer.partial_fit(X[:2], Y[:2], 100)
        assert np.array_equal(before, trainer.params_stored_)  # eta = 0 learns nothing
        assert trainer.cost_ == np.mean((trainer.predict_outputs(X[:2])[:, 0] - Y[:2]) ** 2)


def test_the_history_has_about_50_points_and_begins_before_training():
    with Trainer(spec(), "golden") as trainer:
        history = trainer.fit(X, Y, steps=1020).history_
        assert history.timestep.tolist() == [*range(0, 1020, 21), 1020]
        assert len(history) == len(history.cost) == len(history.accuracy)
        assert trainer.fit(X, Y, steps=3).history_.timestep.tolist() == [0, 1, 2, 3]
        trainer.fit(X, Y, steps=0)
        assert trainer.history_.timestep.tolist() == [0]
        assert trainer.timesteps_per_s_ == 0.0


def test_steps_default_to_the_specification():
    with Trainer(spec(training__steps=37), "golden") as trainer:
        assert trainer.fit(X, Y).history_.timestep[-1] == 37


def test_reporting_does_not_change_the_training():
    plan = Plan(spec(**WINDOWS))
    driver = Driver(GoldenDevice(plan), plan)
    driver.configure(plan.spec.training)
    driver.load_samples(X, Y[:, None])
    driver.initialise(0)
    driver.run(500)
    with Trainer(plan.spec, "golden") as trainer:
        trainer.fit(X, Y, steps=500)
    assert np.array_equal(trainer.params_stored_, driver.parameters().stored)


def test_recording_keeps_every_timestep():
    with Trainer(spec(), "golden", record=True) as recorded, Trainer(spec(), "golden") as plain:
        recorded.fit(X, Y, steps=100).partial_fit(X, Y, 30)
        plain.fit(X, Y, steps=130)
        trace = recorded.trace_
        assert trace.parameters.shape == (130, 9)
        assert trace.cost.shape == trace.baseline.shape == trace.step.shape == (130,)
        assert np.array_equal(trace.parameters[-1], plain.params_stored_)
        assert not recorded.fit(X, Y, steps=0).trace_.cost.size


def test_progress_is_reported():
    seen = []
    with Trainer(spec(), "golden", progress=seen.append) as trainer:
        trainer.fit(X, Y, steps=200)
    assert (seen[0].timestep, seen[0].timesteps_per_s) == (0, 0.0)
    assert (seen[-1].timestep, seen[-1].stop_at) == (200, 200)
    assert (seen[-1].cost, seen[-1].accuracy) == (trainer.cost_, trainer.accuracy_)
    assert all(a.timestep < b.timestep for a, b in pairwise(seen))


@pytest.mark.parametrize("from_signal", [False, True])
def test_stopping_ends_as_if_fewer_steps_had_been_wanted(from_signal):
    trainer = Trainer(spec(), "golden")

    def progress(report):
        if report.timestep >= 60:
            if from_signal:
                os.kill(os.getpid(), signal.SIGINT)
            else:
                trainer.stop()

    trainer.progress = progress
    previous = signal.signal(signal.SIGINT, lambda number, frame: trainer.stop())
    try:
        trainer.fit(X, Y, steps=1_000_000)
    finally:
        signal.signal(signal.SIGINT, previous)
    done = int(trainer.history_.timestep[-1])
    assert 60 <= done < 1_000_000
    assert trainer.cost_ == np.mean((trainer.predict_outputs(X)[:, 0] - Y) ** 2)
    trainer.progress = None
    stopped = trainer.params_stored_
    assert np.array_equal(trainer.fit(X, Y, steps=done).params_stored_, stopped)
    trainer.close()


def test_several_outputs_are_classes():
    several = spec(network__layers=[2, 4, 3])
    labels = np.array([0, 1, 1, 2])
    with Trainer(several, "golden") as trainer:
        trainer.fit(X, labels, steps=4000)
        outputs = trainer.predict_outputs(X)
        assert outputs.shape == (4, 3)
        assert np.array_equal(trainer.predict(X), outputs.argmax(axis=1))
        assert trainer.score(X, labels) == trainer.score(X, np.eye(3)[labels])
        assert trainer.score(X, labels) == np.mean(outputs.argmax(axis=1) == labels)
        assert trainer.accuracy_ == trainer.score(X, labels) == 1.0  # counting is easy
        assert trainer.cost_ == np.mean((outputs - np.eye(3)[labels]) ** 2)


def test_a_device_of_the_caller_stays_open():
    class Closable(GoldenDevice):
        closed = False

        def close(self):
            self.closed = True

    device = Closable(Plan(spec()))
    with Trainer(spec(), device) as trainer:
        trainer.fit(X, Y, steps=10)
    assert not device.closed


def test_a_device_from_another_specification_is_refused():
    other = Plan(spec(formats__activation="U0.9"))
    with pytest.raises(DigestMismatchError, match=f"{other.digest:016x}"):
        Trainer(spec(), GoldenDevice(other)).fit(X, Y, steps=1)


def test_another_specification_needs_another_fit():
    with Trainer(spec(), "golden") as trainer:
        trainer.fit(X, Y, steps=10)
        trainer.spec = spec(formats__activation="U0.9")
        with pytest.raises(DigestMismatchError, match="call fit"):
            trainer.partial_fit(X, Y, 10)
        with pytest.raises(DigestMismatchError, match="call fit"):
            trainer.predict(X)
        trainer.fit(X, Y, steps=10)
        assert trainer.predict_outputs(X).max() < 1


def test_use_before_fit_and_after_close_is_refused():
    trainer = Trainer(spec(), "golden")
    with pytest.raises(DeviceError, match="call fit"):
        trainer.predict(X)
    trainer.fit(X, Y, steps=10)
    trainer.close()
    trainer.close()
    assert trainer.params_.shape == (9,)
    with pytest.raises(DeviceError, match="device be open"):
        trainer.predict(X)
    with pytest.raises(DeviceError, match="device be open"):
        trainer.partial_fit(X, Y, 10)


@pytest.mark.parametrize(
    ("x", "y", "error", "message"),
    [
        (X[:, :1], Y, DataError, r"shape \(samples, 2\)"),
        (X, Y[:3], DataError, r"shape \(4, 1\)"),
        (X[:0], Y[:0], DataError, "at least one sample"),
        (np.where(X == 1, np.nan, 0.0), Y, DataError, "finite numbers, not nan"),
        (X * 2, Y, DataError, r"inputs must be from 0 to 1, .*U1\.0, not from 0 to 2"),
        (X, Y * 0.9, DataError, r"targets must be whole numbers"),
        (np.tile(X, (5, 1)), np.tile(Y, 5), DataError, "1 to 16 samples.*not 20"),
    ],
)
def test_data_is_checked_before_a_device_is_opened(x, y, error, message):
    with pytest.raises(error, match=message):
        Trainer(spec(), "no device").fit(x, y, steps=10)


@pytest.mark.parametrize("steps", [-1, 1.5, "many"])
def test_steps_are_checked_before_a_device_is_opened(steps):
    with pytest.raises(SpecError, match=r"training\.steps must be"):
        Trainer(spec(), "no device").fit(X, Y, steps=steps)

"""What came out of a training, as one flat record."""

import hashlib
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from pmgd.gateware.plan import Plan
from pmgd.host.trainer import Trainer

__all__ = ["Result", "parameters_sha256"]


def parameters_sha256(stored: NDArray[np.int64]) -> str:
    """Return the SHA-256, in hexadecimal, of stored parameters as little-endian int32."""
    return hashlib.sha256(stored.astype("<i4").tobytes()).hexdigest()


@dataclass(frozen=True)
class Result:
    """The outcome of a training.

    Attributes
    ----------
    name, device, seed
        What was trained: the specification's name, the device's name and the seed.
    steps
        Timesteps done.
    timesteps_per_s
        Speed of the device, evaluations not counted.
    cost, accuracy
        Over the data set, of the unperturbed network; see `History`.
    samples
        Number of samples in the data set.
    clipped
        Values of its inputs and targets that had to be clipped to their formats.
    solved
        Whether the cost is below `Training.solved_cost`.
    interrupted
        Whether it ended before the steps wanted.
    params_sha256
        See `parameters_sha256`.
    plan_digest
        `Plan.digest` as 16 hexadecimal digits.
    """

    name: str
    device: str
    seed: int
    steps: int
    timesteps_per_s: float
    cost: float
    accuracy: float
    samples: int
    clipped: int
    solved: bool
    interrupted: bool
    params_sha256: str
    plan_digest: str

    @classmethod
    def of(cls, trainer: Trainer, device: str, *, interrupted: bool = False) -> Self:
        """Return the result of a trained trainer; `device` is the name to give its device."""
        return cls(
            name=trainer.spec.name,
            device=device,
            seed=trainer.spec.training.seed,
            steps=int(trainer.history_.timestep[-1]),
            timesteps_per_s=trainer.timesteps_per_s_,
            cost=trainer.cost_,
            accuracy=trainer.accuracy_,
            samples=trainer.quantisation_[1].total // trainer.spec.network.layers[-1],
            clipped=sum(report.clipped for report in trainer.quantisation_),
            solved=trainer.solved_,
            interrupted=interrupted,
            params_sha256=parameters_sha256(trainer.params_stored_),
            plan_digest=f"{Plan(trainer.spec).digest:016x}",
        )

    def to_mapping(self) -> dict[str, Any]:
        """Return it as JSON wants it."""
        return asdict(self)

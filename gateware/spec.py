"""What a user chooses: the network, its number formats, the fabric and the training settings.

A `Spec` is frozen and validated when it is made. `Network`, `Formats` and `Fabric` are fixed when
gateware is generated and enter the digest; `Training` and `Data` are run-time choices and do not.
"""

import difflib
import math
import operator
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, dataclass, field, fields, is_dataclass, replace
from typing import Any, Self, get_type_hints

from pmgd.gateware.errors import SpecError
from pmgd.gateware.formats import Format

__all__ = ["Data", "Fabric", "Formats", "Network", "Spec", "Training"]


def _integer(where: str, value: Any, minimum: int, maximum: int) -> int:
    try:
        if isinstance(value, bool):
            raise TypeError
        number = operator.index(value)
    except TypeError:
        raise SpecError(
            f"{where} must be an integer from {minimum} to {maximum}, not {value!r}"
        ) from None
    if not minimum <= number <= maximum:
        raise SpecError(f"{where} must be from {minimum} to {maximum}, not {number}")
    return number


def _real(where: str, value: Any, minimum: float, *, exclusive: bool = False) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise SpecError(f"{where} must be a finite number, not {value!r}")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise SpecError(f"{where} must be a finite number, not {value!r}")
    if number < minimum or (exclusive and number == minimum):
        bound = "above" if exclusive else "at least"
        raise SpecError(f"{where} must be {bound} {minimum:g}, not {value!r}")
    return number


def _choice(where: str, value: Any, allowed: tuple[str, ...]) -> str:
    if value not in allowed:
        raise SpecError(f"{where} must be one of {', '.join(allowed)}, not {value!r}")
    return str(value)


class _Section:
    """A frozen group of settings, normalised once, when it is made."""

    def _set(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)


@dataclass(frozen=True, kw_only=True)
class Network(_Section):
    """A dense network; every neuron has a weight for each input and one bias.

    Parameters
    ----------
    layers
        Sizes from the inputs to the outputs, such as ``(2, 2, 1)``.
    activation
        ``"sigmoid"``, in every layer.
    segments
        Pieces of the piecewise-linear sigmoid over the range of `Formats.preactivation`, a power
        of two.
    """

    layers: tuple[int, ...]
    activation: str = "sigmoid"
    segments: int = 32

    def __post_init__(self) -> None:
        given: Any = self.layers
        if isinstance(given, str) or not isinstance(given, Iterable):
            raise SpecError(f"network.layers must be a list of sizes, not {given!r}")
        sizes = tuple(_integer("network.layers", size, 1, 4096) for size in given)
        if len(sizes) < 2:
            raise SpecError(
                f"network.layers must name at least inputs and outputs, not {list(sizes)}"
            )
        self._set("layers", sizes)
        self._set("activation", _choice("network.activation", self.activation, ("sigmoid",)))
        self._set("segments", _integer("network.segments", self.segments, 2, 1024))
        if self.segments & (self.segments - 1):
            raise SpecError(f"network.segments must be a power of two, not {self.segments}")


@dataclass(frozen=True, kw_only=True)
class Formats(_Section):
    """Fixed-point formats, and what happens where bits are lost.

    Parameters
    ----------
    parameter
        A stored parameter theta, signed.
    operand_fraction
        Fraction bits of a perturbed parameter that the multipliers see; the rest is dropped
        (floor).
    input, target
        A sample's inputs and targets. One unsigned bit, ``U1.0``, costs a gate, not a multiplier.
    preactivation
        What the activation sees: weighted sums, fraction dropped (floor) and range clipped.
    activation
        A neuron's output, unsigned without integer bits: 0 to just below 1.
    cost
        The cost summed over the outputs, unsigned; None for every bit of it. A format with fewer
        fraction bits drops the rest (floor); one that cannot hold the largest cost is refused.
    rounding
        Of the broadcast step: ``"stochastic"`` (one random word a timestep, shared by all) or
        ``"nearest"`` (halves towards plus infinity).
    overflow
        Of an updated parameter: ``"clip"`` to the nearest bound, or ``"hold"`` the old value.
    """

    parameter: Format = Format(True, 4, 8)
    operand_fraction: int = 8
    input: Format = Format(False, 1, 0)
    target: Format = Format(False, 1, 0)
    preactivation: Format = Format(True, 4, 8)
    activation: Format = Format(False, 0, 8)
    cost: Format | None = None
    rounding: str = "stochastic"
    overflow: str = "clip"

    def __post_init__(self) -> None:
        for name in ("parameter", "input", "target", "preactivation", "activation", "cost"):
            value = getattr(self, name)
            if isinstance(value, str):
                self._set(name, Format.parse(value))
            elif not isinstance(value, Format) and not (name == "cost" and value is None):
                raise SpecError(f"formats.{name} must be a format such as 'S4.8', not {value!r}")
        if not self.parameter.signed or not 3 <= self.parameter.bits <= 24:
            raise SpecError(
                f"formats.parameter must be signed with 3 to 24 bits, not {self.parameter}"
            )
        if not self.preactivation.signed:
            raise SpecError(f"formats.preactivation must be signed, not {self.preactivation}")
        if self.activation.signed or self.activation.integer_bits:
            raise SpecError(
                f"formats.activation must be unsigned without integer bits, like U0.8, since a "
                f"sigmoid stays within 0 and 1, not {self.activation}"
            )
        if self.activation.bits > 16:
            raise SpecError(f"formats.activation must have up to 16 bits, not {self.activation}")
        if self.cost is not None and self.cost.signed:
            raise SpecError(f"formats.cost must be unsigned, not {self.cost}")
        self._set(
            "operand_fraction",
            _integer(
                "formats.operand_fraction", self.operand_fraction, 0, self.parameter.fraction_bits
            ),
        )
        rounding = _choice("formats.rounding", self.rounding, ("stochastic", "nearest"))
        self._set("rounding", rounding)
        self._set("overflow", _choice("formats.overflow", self.overflow, ("clip", "hold")))


@dataclass(frozen=True, kw_only=True)
class Fabric(_Section):
    """The circuit.

    Parameters
    ----------
    kind
        ``"spatial"``: every parameter is its own circuit.
    samples
        Capacity of the sample memory.
    lfsr_bits
        Width of every parameter's perturbation generator.
    tau_bits
        Width of the tau_x and tau_p registers.
    tau_theta_bits
        Width of the tau_theta register; 1 allows tau_theta = 1 alone and leaves the gradient
        register G out.
    """

    kind: str = "spatial"
    samples: int = 16
    lfsr_bits: int = 16
    tau_bits: int = 16
    tau_theta_bits: int = 8

    def __post_init__(self) -> None:
        self._set("kind", _choice("fabric.kind", self.kind, ("spatial",)))
        self._set("samples", _integer("fabric.samples", self.samples, 1, 1 << 20))
        self._set("lfsr_bits", _integer("fabric.lfsr_bits", self.lfsr_bits, 8, 32))
        self._set("tau_bits", _integer("fabric.tau_bits", self.tau_bits, 1, 32))
        self._set("tau_theta_bits", _integer("fabric.tau_theta_bits", self.tau_theta_bits, 1, 24))


@dataclass(frozen=True, kw_only=True)
class Training(_Section):
    """Run-time settings, changeable between runs of the same gateware.

    Parameters
    ----------
    steps
        Timesteps of a whole training run.
    tau_x, tau_p, tau_theta
        Timesteps between new samples, new perturbations and parameter updates.
    eta
        Learning rate, in the sense of `eta_convention`.
    eta_convention
        ``"eq4"``: an update is -eta * C~ * sign / dtheta, eq. (4) of the patent with the cost
        averaged over the outputs. ``"table4"``: the same divided by the number of parameters,
        which is what the learning rates printed in the patent's Table 4 mean.
    dtheta
        Amplitude of the perturbation, in units of the parameter.
    order
        ``"random"`` (with replacement) or ``"sequential"``.
    init_range
        Parameters start uniform in -init_range to init_range.
    seed
        Expands to the initial parameters and to the state of every generator.
    solved_cost
        The task counts as solved when the mean cost over the data set falls below this.
    """

    steps: int = 100_000
    tau_x: int = 1
    tau_p: int = 1
    tau_theta: int = 1
    eta: float = 0.5
    eta_convention: str = "eq4"
    dtheta: float = 0.0625
    order: str = "random"
    init_range: float = 1.0
    seed: int = 0
    solved_cost: float = 0.01

    def __post_init__(self) -> None:
        self._set("steps", _integer("training.steps", self.steps, 0, (1 << 48) - 1))
        for name in ("tau_x", "tau_p", "tau_theta"):
            value = _integer(f"training.{name}", getattr(self, name), 1, (1 << 32) - 1)
            self._set(name, value)
        self._set("eta", _real("training.eta", self.eta, 0.0))
        convention = _choice("training.eta_convention", self.eta_convention, ("eq4", "table4"))
        self._set("eta_convention", convention)
        self._set("dtheta", _real("training.dtheta", self.dtheta, 0.0, exclusive=True))
        self._set("order", _choice("training.order", self.order, ("random", "sequential")))
        self._set("init_range", _real("training.init_range", self.init_range, 0.0))
        self._set("seed", _integer("training.seed", self.seed, 0, (1 << 64) - 1))
        self._set("solved_cost", _real("training.solved_cost", self.solved_cost, 0.0))


@dataclass(frozen=True, kw_only=True)
class Data(_Section):
    """Where the samples come from.

    Parameters
    ----------
    source
        A built-in task (``"xor"``), or the path of an ``.npz`` file with arrays ``x`` and ``y``, or
        of a ``.csv`` file with one sample a line, inputs first.
    """

    source: str = "xor"

    def __post_init__(self) -> None:
        if not isinstance(self.source, str) or not self.source:
            raise SpecError(
                f"data.source must be a task's name or a file's path, not {self.source!r}"
            )


@dataclass(frozen=True, kw_only=True)
class Spec(_Section):
    """A network, everything needed to generate its gateware, and how to train it.

    Raises
    ------
    SpecError
        From this class or any section, when a field is of the wrong kind or out of range.
    """

    name: str
    network: Network
    formats: Formats = field(default_factory=Formats)
    fabric: Fabric = field(default_factory=Fabric)
    training: Training = field(default_factory=Training)
    data: Data = field(default_factory=Data)

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name.isidentifier():
            raise SpecError(
                f"name must be a letter followed by letters, digits or '_', not {self.name!r}"
            )
        for key, kind in get_type_hints(type(self)).items():
            value = getattr(self, key)
            if _is_section(kind) and not isinstance(value, kind):
                raise SpecError(f"{key} must be a {kind.__name__}, not {value!r}")

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, Any]) -> Self:
        """Build a spec from nested mappings, as TOML gives them; unknown keys are refused."""
        spec: Self = _build(cls, mapping, "")
        return spec

    def to_mapping(self) -> dict[str, Any]:
        """Return nested mappings of plain values; `from_mapping` is its inverse."""
        mapping: dict[str, Any] = _plain(self)
        return mapping

    def with_settings(self, settings: Mapping[str, Any]) -> Self:
        """Return a copy with dotted keys replaced, as in ``{"training.eta": 0.25}``."""
        mapping = self.to_mapping()
        for key, value in settings.items():
            if key not in _keys(type(self)):
                raise SpecError(_unknown("a setting", key, _keys(type(self))))
            *path, last = key.split(".")
            section = mapping
            for name in path:
                section = section[name]
            section[last] = value
        return type(self).from_mapping(mapping)

    def replace(self, **sections: Any) -> Self:
        """Return a copy with whole sections, or the name, replaced."""
        return replace(self, **sections)


def _is_section(hint: Any) -> bool:
    return isinstance(hint, type) and issubclass(hint, _Section)


def _keys(kind: type, prefix: str = "") -> list[str]:
    keys: list[str] = []
    for name, hint in get_type_hints(kind).items():
        keys += _keys(hint, f"{name}.") if _is_section(hint) else [prefix + name]
    return keys


def _unknown(what: str, key: str, known: list[str]) -> str:
    close = difflib.get_close_matches(key, known, n=1)
    hint = f"; did you mean {close[0]}?" if close else ""
    return f"{what} must be one of {', '.join(known)}, not {key!r}{hint}"


def _build(kind: Any, mapping: Any, where: str) -> Any:
    if not isinstance(mapping, Mapping):
        what = where.rstrip(".") or "a specification"
        raise SpecError(f"{what} must be a table of settings, not {mapping!r}")
    hints = get_type_hints(kind)
    for key in mapping:
        if key not in hints:
            raise SpecError(_unknown("a setting here", where + key, [where + k for k in hints]))
    for required in fields(kind):
        absent = required.name not in mapping
        if absent and required.default is MISSING and required.default_factory is MISSING:
            raise SpecError(f"a specification must give {where}{required.name}; add it")
    return kind(
        **{
            key: _build(hints[key], value, f"{where}{key}.") if _is_section(hints[key]) else value
            for key, value in mapping.items()
        }
    )


def _plain(value: Any) -> Any:
    if isinstance(value, Format):
        return str(value)
    if is_dataclass(value):
        plain = {f.name: _plain(getattr(value, f.name)) for f in fields(value)}
        return {key: item for key, item in plain.items() if item is not None}
    return list(value) if isinstance(value, tuple) else value

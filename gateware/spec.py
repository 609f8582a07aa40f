"""What a user chooses: the network, its number formats, the fabric and the training settings.

A `Spec` is frozen and validated when it is made. `Network`, `Formats` and `Fabric` are fixed when
gateware is generated and enter the digest; `Training` and `Data` are run-time choices and do not.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self, get_type_hints

from pmgd.gateware.checks import (
    check_band,
    check_choice,
    check_flag,
    check_format,
    check_integer,
    check_layers,
    check_real,
)
from pmgd.gateware.errors import SpecError
from pmgd.gateware.formats import Format
from pmgd.gateware.mapping import Section, build, is_section, plain, setting_keys, unknown_key

__all__ = [
    "ACTIVATIONS", "FILTERS", "MAX_DECAY_SHIFT", "MAX_MEAN_SHIFT", "ORDERS", "OSCILLATORS", "Data",
    "Fabric", "Formats", "Network", "Spec", "Training",
]  # fmt: skip

ACTIVATIONS = ("sigmoid", "tanh", "relu", "identity")
"""What a layer's neurons can do with their weighted sum."""
ORDERS = ("random", "sequential", "shuffled")
"""Orders of the samples, as the register `order` counts them."""
MAX_DECAY_SHIFT = 8
"""Slowest decay of G."""
MAX_MEAN_SHIFT = 15
"""Slowest mean of the cost."""
OSCILLATORS = ("square", "sine")
"""Perturbations that are told apart by their frequencies."""
FILTERS = ("mean", "highpass")
"""Baselines that are a filter of the cost, which remembers the timesteps before."""


@dataclass(frozen=True, kw_only=True)
class Network(Section):
    """A dense network; every neuron has a weight for each input and, by default, one bias.

    Parameters
    ----------
    layers
        Sizes from the inputs to the outputs, such as ``(2, 2, 1)``.
    activation
        ``"sigmoid"``, ``"tanh"``, ``"relu"`` or ``"identity"``, for every layer; or a list with
        one for each, such as ``("relu", "sigmoid")`` for three sizes.
    segments
        Pieces of the piecewise-linear sigmoid or tanh over the range of `Formats.preactivation`,
        a power of two.
    bias
        Whether neurons have a bias.
    cost
        ``"squared"``, the squared error summed over the outputs ([0040]); or ``"l1"``, the
        absolute error, which is known not to train, for study.
    """

    layers: tuple[int, ...]
    activation: str | tuple[str, ...] = "sigmoid"
    segments: int = 32
    bias: bool = True
    cost: str = "squared"

    def __post_init__(self) -> None:
        given: Any = self.layers
        if isinstance(given, str) or not isinstance(given, Iterable):
            raise SpecError(f"network.layers must be a list of sizes, not {given!r}")
        sizes = tuple(check_integer("network.layers", size, 1, 4096) for size in given)
        if len(sizes) < 2:
            raise SpecError(
                f"network.layers must name at least inputs and outputs, not {list(sizes)}"
            )
        self._set("layers", sizes)
        self._set("activation", check_layers("network.activation", self.activation, len(sizes) - 1))
        for kind in self.activations:
            check_choice("network.activation", kind, ACTIVATIONS)
        self._set("bias", check_flag("network.bias", self.bias))
        self._set("cost", check_choice("network.cost", self.cost, ("squared", "l1")))
        self._set("segments", check_integer("network.segments", self.segments, 2, 1024))
        if self.segments & (self.segments - 1):
            raise SpecError(f"network.segments must be a power of two, not {self.segments}")

    @property
    def activations(self) -> tuple[str, ...]:
        """One activation for each layer of neurons."""
        kind = self.activation
        return kind if isinstance(kind, tuple) else (kind,) * (len(self.layers) - 1)


@dataclass(frozen=True, kw_only=True)
class Formats(Section):
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
        A neuron's output, for every layer or a list with one for each; None for the usual format
        of the layer's activation: ``U0.8`` for sigmoid, ``S1.8`` for tanh, ``U4.8`` for relu and
        ``S4.8`` for identity. It is unsigned exactly for sigmoid and relu, and without integer
        bits beyond the sign for sigmoid and tanh. With `Fabric.defects` it is signed, and ``S3.8``
        is usual.
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
    activation: Format | tuple[Format, ...] | None = None
    cost: Format | None = None
    rounding: str = "stochastic"
    overflow: str = "clip"

    def __post_init__(self) -> None:
        for name in ("parameter", "input", "target", "preactivation"):
            self._set(name, check_format(f"formats.{name}", getattr(self, name)))
        if self.cost is not None:
            self._set("cost", check_format("formats.cost", self.cost))
        given: Any = self.activation
        if isinstance(given, list | tuple):
            self._set(
                "activation", tuple(check_format("formats.activation", each) for each in given)
            )
        elif given is not None:
            self._set("activation", check_format("formats.activation", given))
        if not self.parameter.signed or not 3 <= self.parameter.bits <= 24:
            raise SpecError(
                f"formats.parameter must be signed with 3 to 24 bits, not {self.parameter}"
            )
        if not self.preactivation.signed:
            raise SpecError(f"formats.preactivation must be signed, not {self.preactivation}")
        if self.cost is not None and self.cost.signed:
            raise SpecError(f"formats.cost must be unsigned, not {self.cost}")
        self._set(
            "operand_fraction",
            check_integer(
                "formats.operand_fraction", self.operand_fraction, 0, self.parameter.fraction_bits
            ),
        )
        rounding = check_choice("formats.rounding", self.rounding, ("stochastic", "nearest"))
        self._set("rounding", rounding)
        self._set("overflow", check_choice("formats.overflow", self.overflow, ("clip", "hold")))


@dataclass(frozen=True, kw_only=True)
class Fabric(Section):
    """The circuit.

    Parameters
    ----------
    kind
        ``"spatial"``: every parameter is its own circuit.
    pipeline
        A timestep starts while others are still under way, and its update arrives
        `pmgd.gateware.plan.Plan.update_delay` timesteps late. Otherwise a timestep ends before the
        next one starts.
    copies
        Of the network datapath in a pipelined fabric. With 2, both costs of a timestep are
        evaluated at once and a timestep starts every clock; with 1, every second clock.
    perturbation
        ``"lfsr"``: random code, a generator for every parameter. ``"chain"``: random code, one
        generator whose signs shift from parameter to parameter; the smallest. ``"walsh"``:
        orthogonal code. ``"sequential"``: one parameter at a time, by +dtheta ([0079]). ``"sine"``:
        an oscillator for every parameter, of a frequency that no other has ([0042], [0079]);
        dtheta is its peak, so it gathers half the gradient of a code. ``"square"``: its sign alone.
    band
        Lowest and highest frequency of the oscillators of square and sine, in cycles per
        perturbation, that is, per tau_p timesteps; up to 0.5.
    baseline
        What a cost is compared with: ``"sample"``, the unperturbed cost of sample and parameters;
        ``"two_sided"``, the cost of the opposite perturbation; ``"mean"``, the running mean, at
        one evaluation a timestep, for tau_x = 1; ``"highpass"``: the discrete high-pass filter of
        Table 2 (line 8), also at one evaluation; ``"literal"``: Table 1 as printed, which trains
        badly where tau_x > 1, for study.
    correlator
        ``"full"``: sum the cost change times the sign. ``"sign"``: count the signs alone, up or
        down; an update is then eta in the direction of the count.
    decay_shift
        When G decays, it keeps 1 - 2**-decay_shift of itself; 0 clears it, the plain update.
    decay_every
        ``"update"``: G decays after an update, as momentum with a gain of 2**decay_shift.
        ``"timestep"``: it decays in every timestep, the leaky integrator of eq. (5) with a time
        constant of 2**decay_shift - 1 timesteps, and a gain of 1 ([0055]-[0056]).
    cost_noise
        Whether `Training.sigma_c` may be above 0.
    update_noise
        Whether `Training.sigma_theta` may be: ``"none"``; ``"each"``, a number of its own for every
        parameter; ``"shared"``, one for all of them.
    defects
        Whether `Training.sigma_a` may be: every neuron then has the general logistic function of
        [0087] instead of the sigmoid, with four numbers of its own.
    samples
        Capacity of the sample memory.
    shuffle
        Whether `Training.order` may be ``"shuffled"``.
    lfsr_bits
        Width of the perturbation generators of lfsr and chain.
    tau_bits
        Width of the tau_x and tau_p registers.
    tau_theta_bits
        Width of the tau_theta register; 1 allows tau_theta = 1 alone and, unless
        `decay_shift` keeps it, leaves the gradient register G out.
    """

    kind: str = "spatial"
    pipeline: bool = False
    copies: int = 1
    perturbation: str = "lfsr"
    band: tuple[float, float] = (0.0625, 0.4375)
    baseline: str = "sample"
    correlator: str = "full"
    decay_shift: int = 0
    decay_every: str = "update"
    cost_noise: bool = False
    update_noise: str = "none"
    defects: bool = False
    samples: int = 16
    shuffle: bool = False
    lfsr_bits: int = 16
    tau_bits: int = 16
    tau_theta_bits: int = 8

    def __post_init__(self) -> None:
        self._set("kind", check_choice("fabric.kind", self.kind, ("spatial",)))
        self._set("pipeline", check_flag("fabric.pipeline", self.pipeline))
        self._set("copies", check_integer("fabric.copies", self.copies, 1, 2))
        for name, allowed in (
            ("perturbation", ("lfsr", "chain", "walsh", "sequential", *OSCILLATORS)),
            ("baseline", ("sample", "two_sided", *FILTERS, "literal")),
            ("correlator", ("full", "sign")),
            ("decay_every", ("update", "timestep")),
            ("update_noise", ("none", "each", "shared")),
        ):
            self._set(name, check_choice(f"fabric.{name}", getattr(self, name), allowed))
        self._set("band", check_band("fabric.band", self.band))
        for name in ("cost_noise", "defects"):
            self._set(name, check_flag(f"fabric.{name}", getattr(self, name)))
        decay = check_integer("fabric.decay_shift", self.decay_shift, 0, MAX_DECAY_SHIFT)
        self._set("decay_shift", decay)
        self._set("shuffle", check_flag("fabric.shuffle", self.shuffle))
        self._set("samples", check_integer("fabric.samples", self.samples, 1, 1 << 20))
        self._set("lfsr_bits", check_integer("fabric.lfsr_bits", self.lfsr_bits, 8, 32))
        self._set("tau_bits", check_integer("fabric.tau_bits", self.tau_bits, 1, 32))
        self._set(
            "tau_theta_bits", check_integer("fabric.tau_theta_bits", self.tau_theta_bits, 1, 24)
        )


@dataclass(frozen=True, kw_only=True)
class Training(Section):
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
        which is what the learning rates printed in the patent's Table 4 mean. With the sign-only
        correlator an update is eta itself, or eta divided by the number of parameters.
    dtheta
        Amplitude of the perturbation, in units of the parameter.
    mean_shift
        Of the baselines ``"mean"`` and ``"highpass"``: the mean follows the cost with a time
        constant of 2**mean_shift timesteps; that of the high-pass filter is 2**mean_shift - 1.
    blank
        Of the same: begin anew with every new sample, whose first cost then is no change.
    sigma_c
        Standard deviation of the noise added to every cost that training sees ([0083]), in units
        of a reported cost, that is, averaged over the outputs.
    sigma_theta
        Standard deviation of the noise added to every parameter with every update ([0084]), in
        units of dtheta.
    sigma_a
        Standard deviation of the defects of every neuron's activation ([0087]): of its two scales,
        about 1, and of its two offsets, about 0, up to 1. They are drawn from the seed.
    order
        ``"random"`` (with replacement), ``"shuffled"`` (every sample once, then in another order;
        needs `Fabric.shuffle`) or ``"sequential"``.
    init
        ``"uniform"``: parameters start uniform in -init_range to init_range. ``"glorot"``: weights
        start uniform within the square root of 6 / (inputs + outputs) of their layer, biases at 0
        (Glorot and Bengio 2010).
    init_range
        See `init`.
    seed
        Expands to the initial parameters, to the state of every generator, and to the defects.
    solved_cost
        The task counts as solved when the mean cost over the data set falls below this; 0 if
        there is no such threshold.
    """

    steps: int = 100_000
    tau_x: int = 1
    tau_p: int = 1
    tau_theta: int = 1
    eta: float = 0.5
    eta_convention: str = "eq4"
    dtheta: float = 0.0625
    mean_shift: int = 4
    blank: bool = False
    sigma_c: float = 0.0
    sigma_theta: float = 0.0
    sigma_a: float = 0.0
    order: str = "random"
    init: str = "uniform"
    init_range: float = 1.0
    seed: int = 0
    solved_cost: float = 0.01

    def __post_init__(self) -> None:
        self._set("steps", check_integer("training.steps", self.steps, 0, (1 << 48) - 1))
        for name in ("tau_x", "tau_p", "tau_theta"):
            value = check_integer(f"training.{name}", getattr(self, name), 1, (1 << 32) - 1)
            self._set(name, value)
        self._set("eta", check_real("training.eta", self.eta, 0.0))
        convention = check_choice("training.eta_convention", self.eta_convention, ("eq4", "table4"))
        self._set("eta_convention", convention)
        self._set("dtheta", check_real("training.dtheta", self.dtheta, 0.0, exclusive=True))
        mean_shift = check_integer("training.mean_shift", self.mean_shift, 0, MAX_MEAN_SHIFT)
        self._set("mean_shift", mean_shift)
        self._set("blank", check_flag("training.blank", self.blank))
        for name in ("sigma_c", "sigma_theta", "sigma_a"):
            self._set(name, check_real(f"training.{name}", getattr(self, name), 0.0))
        if self.sigma_a > 1:
            raise SpecError(f"training.sigma_a must be at most 1, not {self.sigma_a:g}")
        self._set("order", check_choice("training.order", self.order, ORDERS))
        self._set("init", check_choice("training.init", self.init, ("uniform", "glorot")))
        self._set("init_range", check_real("training.init_range", self.init_range, 0.0))
        self._set("seed", check_integer("training.seed", self.seed, 0, (1 << 64) - 1))
        self._set("solved_cost", check_real("training.solved_cost", self.solved_cost, 0.0))


@dataclass(frozen=True, kw_only=True)
class Data(Section):
    """Where the samples come from.

    Parameters
    ----------
    source
        A built-in task: ``"xor"``; ``"parity"`` of as many bits as there are inputs;
        ``"nist7x7"``; ``"digits"``, which needs scikit-learn. Or the path of a file: ``.npz`` with
        arrays ``x`` and ``y``; ``.csv`` with one sample a line, inputs first; ``.mat``; or the
        images of a pair of IDX files.
    clip
        Clip values beyond the formats, and round fractions in a format that has none, instead of
        refusing them.
    """

    source: str = "xor"
    clip: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.source, str) or not self.source:
            raise SpecError(
                f"data.source must be a task's name or a file's path, not {self.source!r}"
            )
        self._set("clip", check_flag("data.clip", self.clip))


@dataclass(frozen=True, kw_only=True)
class Spec(Section):
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
                f"name must be of letters, digits and '_', the first no digit, not {self.name!r}"
            )
        for key, kind in get_type_hints(type(self)).items():
            value = getattr(self, key)
            if is_section(kind) and not isinstance(value, kind):
                raise SpecError(f"{key} must be a {kind.__name__}, not {value!r}")

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, Any]) -> Self:
        """Build a spec from nested mappings, as TOML gives them; unknown keys are refused."""
        spec: Self = build(cls, mapping)
        return spec

    def to_mapping(self) -> dict[str, Any]:
        """Return nested mappings of plain values; `from_mapping` is its inverse."""
        mapping: dict[str, Any] = plain(self)
        return mapping

    def with_settings(self, settings: Mapping[str, Any]) -> Self:
        """Return a copy with dotted keys replaced, as in ``{"training.eta": 0.25}``."""
        mapping = self.to_mapping()
        for key, value in settings.items():
            known = setting_keys(type(self))
            if key not in known:
                raise SpecError(unknown_key("a setting", key, known))
            *path, last = key.split(".")
            section = mapping
            for name in path:
                section = section[name]
            section[last] = value
        return type(self).from_mapping(mapping)

    def replace(self, **sections: Any) -> Self:
        """Return a copy with whole sections, or the name, replaced."""
        return replace(self, **sections)

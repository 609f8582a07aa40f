"""Named specifications that train."""

from collections.abc import Callable

from pmgd.gateware.errors import SpecError
from pmgd.gateware.formats import Format
from pmgd.gateware.spec import Data, Fabric, Formats, Network, Spec, Training

__all__ = [
    "PRESETS",
    "digits",
    "nist7x7",
    "nist7x7_analog",
    "nist7x7_fast",
    "parity4",
    "preset",
    "xor",
    "xor_analog",
    "xor_fast",
]


def xor() -> Spec:
    """2-bit parity with a 2-2-1 network of 9 parameters ([0071], Fig. 12).

    Parameters saturate at +-8, which removes the local minima of 2-2-1; 4.8 is the recommended
    format. Solved, as in [0075], means that the cost summed over the four samples is below 0.04.
    """
    return Spec(
        name="xor",
        network=Network(layers=(2, 2, 1)),
        training=Training(eta=0.5, dtheta=0.0625, solved_cost=0.01),
        data=Data(source="xor"),
    )


def parity4() -> Spec:
    """4-bit parity with a 4-4-1 network of 25 parameters ([0073], Fig. 13)."""
    return Spec(
        name="parity4",
        network=Network(layers=(4, 4, 1)),
        training=Training(steps=1_000_000, eta=0.25, dtheta=0.0625, init_range=2.0),
        data=Data(source="parity"),
    )


def nist7x7() -> Spec:
    """Letters N, I, S, T of 7 by 7 pixels with a 49-4-4 network of 220 parameters ([0073]).

    The learning rate is that of the slower of the two rows of the patent's Table 5, and the
    parameters start as there, from -0.5 to 0.5. The multipliers see 8 of their 12 fraction bits.
    """
    return Spec(
        name="nist7x7",
        network=Network(layers=(49, 4, 4)),
        formats=Formats(parameter=Format(True, 4, 12), operand_fraction=8),
        fabric=Fabric(samples=44_136),
        training=Training(
            steps=1_000_000, eta=2.0**-9, dtheta=0.0625, init_range=0.5, solved_cost=0.0
        ),
        data=Data(source="nist7x7"),
    )


def digits() -> Spec:
    """Handwritten digits of 8 by 8 pixels with a 64-8-10 network of 610 parameters.

    Pixels have 17 levels, so that every weight of the first layer is multiplied.
    """
    return Spec(
        name="digits",
        network=Network(layers=(64, 8, 10)),
        formats=Formats(
            parameter=Format(True, 4, 12), operand_fraction=8, input=Format(False, 1, 4)
        ),
        fabric=Fabric(samples=1_797, lfsr_bits=20),
        training=Training(
            steps=3_000_000, eta=2.0**-6, dtheta=0.0625, init_range=0.5, solved_cost=0.0
        ),
        data=Data(source="digits"),
    )


def xor_fast() -> Spec:
    """2-bit parity with a 2-2-1 network of 9 parameters, a timestep every second clock.

    Updates arrive late, which half of the learning rate of `xor` makes up for. The multipliers
    see 4 of the 8 fraction bits, just enough for dtheta. Costs, preactivations, counters and
    memory are as narrow as an iCEBreaker asks.
    """
    return Spec(
        name="xor_fast",
        network=Network(layers=(2, 2, 1)),
        formats=Formats(
            operand_fraction=4,
            preactivation=Format(True, 4, 6),
            cost=Format(False, 1, 12),
            overflow="hold",
        ),
        fabric=Fabric(
            pipeline=True,
            perturbation="chain",
            baseline="two_sided",
            samples=8,
            tau_bits=8,
            tau_theta_bits=1,
        ),
        training=Training(steps=1_000_000, eta=0.25, dtheta=0.0625, solved_cost=0.01),
        data=Data(source="xor"),
    )


def nist7x7_fast() -> Spec:
    """Letters N, I, S, T with a 49-4-4 network of 220 parameters, a timestep every clock.

    The multipliers see 4 of the parameters' 12 fraction bits, just enough for dtheta: more make
    the fabric larger, but training no better.
    """
    return Spec(
        name="nist7x7_fast",
        network=Network(layers=(49, 4, 4)),
        formats=Formats(
            parameter=Format(True, 5, 12),
            operand_fraction=4,
            preactivation=Format(True, 4, 6),
            activation=Format(False, 0, 10),
            cost=Format(False, 3, 14),
            overflow="hold",
        ),
        fabric=Fabric(
            pipeline=True,
            copies=2,
            perturbation="chain",
            baseline="two_sided",
            samples=44_136,
            lfsr_bits=32,
            tau_theta_bits=1,
        ),
        training=Training(
            steps=10_000_000, eta=2.0**-8, dtheta=0.0625, init_range=0.5, solved_cost=0.0
        ),
        data=Data(source="nist7x7"),
    )


_FINE = Formats(parameter=Format(True, 4, 16), operand_fraction=8)


def _continuous(samples: int) -> Fabric:
    """Return the fabric of Table 2, with a leak of 15 timesteps."""
    return Fabric(
        perturbation="sine",
        baseline="highpass",
        decay_shift=4,
        decay_every="timestep",
        samples=samples,
        tau_theta_bits=1,
    )


def xor_analog() -> Spec:
    """2-bit parity with a 2-2-1 network of 9 parameters, by the continuous algorithm of Table 2.

    Every parameter has a sine of its own, the cost a high-pass filter, and G leaks with a time
    constant of 15 timesteps, while the parameters move in every timestep. Updates so small take 16
    fraction bits.
    """
    return Spec(
        name="xor_analog",
        network=Network(layers=(2, 2, 1)),
        formats=_FINE,
        fabric=_continuous(samples=4),
        training=Training(eta=0.5, dtheta=0.5, mean_shift=3, solved_cost=0.01),
        data=Data(source="xor"),
    )


def nist7x7_analog() -> Spec:
    """Letters N, I, S, T with a 49-4-4 network of 220 parameters, by the algorithm of Table 2.

    A sample stays for 16 timesteps, and the filter begins anew with every one.
    """
    return Spec(
        name="nist7x7_analog",
        network=Network(layers=(49, 4, 4)),
        formats=_FINE,
        fabric=_continuous(samples=44_136),
        training=Training(
            steps=1_000_000,
            tau_x=16,
            eta=2.0**-6,
            dtheta=0.0625,
            mean_shift=4,
            blank=True,
            init_range=0.5,
            solved_cost=0.0,
        ),
        data=Data(source="nist7x7"),
    )


PRESETS: tuple[Callable[[], Spec], ...] = (
    xor,
    xor_fast,
    xor_analog,
    parity4,
    nist7x7,
    nist7x7_fast,
    nist7x7_analog,
    digits,
)
"""Every preset, by the name of its function."""


def preset(name: str) -> Spec:
    """Return the preset of a name.

    Raises
    ------
    SpecError
        If there is none.
    """
    for make in PRESETS:
        if make.__name__ == name:
            return make()
    names = ", ".join(make.__name__ for make in PRESETS)
    raise SpecError(f"a preset must be one of {names}, not {name!r}; or give the path of a .toml")

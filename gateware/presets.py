"""Named specifications that train."""

from collections.abc import Callable

from pmgd.gateware.errors import SpecError
from pmgd.gateware.spec import Data, Network, Spec, Training

__all__ = ["PRESETS", "preset", "xor"]


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


PRESETS: tuple[Callable[[], Spec], ...] = (xor,)
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

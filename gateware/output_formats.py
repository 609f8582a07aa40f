"""Which formats suit the outputs of which activations."""

from pmgd.gateware.errors import SpecError
from pmgd.gateware.formats import Format
from pmgd.gateware.spec import Formats, Network

__all__ = ["USUAL_FORMATS", "output_formats"]

USUAL_FORMATS = {
    "sigmoid": Format(False, 0, 8),
    "tanh": Format(True, 1, 8),
    "relu": Format(False, 4, 8),
    "identity": Format(True, 4, 8),
}
"""By activation; relu and identity have the range of the usual preactivation."""


DEFECTIVE = Format(True, 3, 8)
"""The usual one for a sigmoid with defects, which may leave 0 to 1 on either side."""


def output_formats(network: Network, formats: Formats, defects: bool = False) -> tuple[Format, ...]:
    """Return the format of every layer's outputs.

    Parameters
    ----------
    network, formats
        What the user chose.
    defects
        `pmgd.gateware.spec.Fabric.defects`.

    Raises
    ------
    SpecError
        If `Formats.activation` has another number of formats than there are layers, or one that
        does not suit its layer; or if there are defects of another activation than the sigmoid.
    """
    kinds = network.activations
    other = next((kind for kind in kinds if kind != "sigmoid"), None)
    if defects and other is not None:
        raise SpecError(
            f"network.activation must be sigmoid in a fabric with defects, which are those of the "
            f"logistic function, not {other}; or set fabric.defects to false"
        )
    chosen = formats.activation
    if chosen is None:
        return tuple(DEFECTIVE if defects else USUAL_FORMATS[kind] for kind in kinds)
    if isinstance(chosen, Format):
        chosen = (chosen,) * len(kinds)
    if len(chosen) != len(kinds):
        raise SpecError(
            f"formats.activation must be one format, or one for each of {len(kinds)} layer(s) of "
            f"neurons, not {len(chosen)}"
        )
    for kind, fmt in zip(kinds, chosen, strict=True):
        if defects:
            _check_defective(fmt)
        else:
            _check(kind, fmt)
        if fmt.bits > 16:
            raise SpecError(f"formats.activation must have up to 16 bits, not {fmt}")
    return chosen


def _check_defective(fmt: Format) -> None:
    if not fmt.signed:
        raise SpecError(
            f"formats.activation must be signed for a sigmoid with defects, like {DEFECTIVE}, not "
            f"{fmt}"
        )
    if not fmt.fraction_bits:
        raise SpecError(
            f"formats.activation must have a fraction for a sigmoid, like {DEFECTIVE}, not {fmt}"
        )


def _check(kind: str, fmt: Format) -> None:
    usual = USUAL_FORMATS[kind]
    if fmt.signed != usual.signed:
        raise SpecError(
            f"formats.activation must be {'signed' if usual.signed else 'unsigned'} for "
            f"{kind}, like {usual}, not {fmt}"
        )
    if kind in ("sigmoid", "tanh") and fmt.integer_bits != usual.integer_bits:
        raise SpecError(
            f"formats.activation must have no integer bits beyond the sign for {kind}, like "
            f"{usual}, since it stays within {-1 if fmt.signed else 0} and 1, not {fmt}"
        )

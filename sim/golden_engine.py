"""Which way a golden model runs: by the compiled kernel where that is possible and pays."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pmgd.gateware.device import StepTrace
from pmgd.gateware.errors import SpecError, ToolError
from pmgd.gateware.plan import Plan
from pmgd.sim.golden_network import sum_bits

if TYPE_CHECKING:
    from pmgd.sim.golden import Golden
    from pmgd.sim.golden_fast import FastGolden, PackedSamples

__all__ = ["KERNELS", "Engine"]

KERNELS = ("auto", "numpy", "numba")

FEW_TIMESTEPS = 5_000
"""What takes NumPy less time than it takes to load the kernel, let alone to compile it."""


class Engine:
    """The kernel of one plan, or the reason to do without.

    Parameters
    ----------
    plan
        Any plan.
    kernel
        ``"numpy"``; ``"numba"``; or ``"auto"``, numba once some timesteps have been done, but
        NumPy if numba is missing or 64 bits are too few for the plan.

    Raises
    ------
    SpecError
        If there is no such kernel, or the one asked for cannot do the plan.
    """

    def __init__(self, plan: Plan, kernel: str = "auto") -> None:
        if kernel not in KERNELS:
            raise SpecError(f"a kernel must be one of {', '.join(KERNELS)}, not {kernel!r}")
        widest = max(
            *(sum_bits(layer) for layer in plan.layers), plan.full_cost_maximum.bit_length() + 1
        )
        if kernel == "numba" and widest > 64:
            raise SpecError(
                f"the kernel numba needs a plan whose numbers fit 64 bits, not {widest}; choose "
                f"numpy or auto"
            )
        self._plan = plan
        self._kernel = "numpy" if widest > 64 else kernel
        self._timesteps = 0
        self._fast: FastGolden | None = None
        self._source: tuple[NDArray[np.int64], NDArray[np.int64]] | None = None
        self._samples: PackedSamples | None = None

    def run(self, golden: "Golden", steps: int, into: StepTrace | None = None) -> bool:
        """Execute `steps` timesteps of `golden`, if that is this engine's business.

        Parameters
        ----------
        golden
            A model of this plan.
        steps
            Number of timesteps.
        into
            Arrays to record them in, as `Golden.trace` returns them.

        Returns
        -------
        Whether they are done; if not, nothing is.
        """
        self._timesteps += steps
        if self._kernel == "auto" and self._timesteps < FEW_TIMESTEPS:
            return False
        fast = self._loaded()
        if fast is None:
            return False
        samples = self._packed(golden, fast)
        count = golden.x.shape[1]
        # NumPy refuses an index beyond an array; the kernel would read what lies there.
        inside = (golden.sample_count <= count) & (golden.sample_index < count)
        inside &= golden.flight_position < max(1, golden.flight.shape[1])
        if samples is None or not inside.all():
            return False
        fast.run(golden, samples, steps, into)
        return True

    def _loaded(self) -> "FastGolden | None":
        if self._fast is None and self._kernel != "numpy":
            try:
                from pmgd.sim.golden_fast import FastGolden
            except ImportError as error:
                if self._kernel == "numba":
                    raise ToolError(
                        "the kernel numba needs numba, which is not installed; "
                        "pip install 'pmgd[sim]'"
                    ) from error
                self._kernel = "numpy"
                return None
            self._fast = FastGolden(self._plan)
        return self._fast

    def _packed(self, golden: "Golden", fast: "FastGolden") -> "PackedSamples | None":
        source = self._source
        if source is None or source[0] is not golden.x or source[1] is not golden.t:
            self._samples = fast.pack_samples(golden.x, golden.t)
            self._source = golden.x, golden.t
        return self._samples

"""What parts of a fabric cost in the cells of a kind of FPGA, as measured.

An estimate counts the parts of a plan; here is what one of each takes. All coefficients are in this
file. They were chosen so that the designs of ``benchmarks/calibrate.py``, which compares estimates
with synthesis, come out right; run it again when a component or the tools change.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import log2

import numpy as np

from pmgd.boards.amount import Amount
from pmgd.gateware.cell_limits import BIT_ROWS

__all__ = ["COSTS", "Costs"]


@dataclass(frozen=True)
class Costs:
    """Coefficients of a kind of FPGA.

    Attributes
    ----------
    margin
        By what share an estimate of look-up tables or flip-flops may be wrong.
    chain_places
        A carry chain is so many places or a multiple.
    chain_ends
        Look-up tables that a chain takes beyond its places where synthesis infers it.
    masks_in_chain
        Whether a carry chain masks what it adds, see `pmgd.gateware.masked_add`.
    saved_adders
        Look-up tables of a place of an adder in a tree, where synthesis merges adders.
    theta_hold, theta_clip
        Look-up tables of a parameter's bit that choose what is stored, where it holds or clips.
    gradient
        The same of a bit of G.
    synapse, pipelined_synapse
        Look-up tables of a synapse beyond those of its bits.
    segment_bit
        Look-up tables of a bit of an activation's table for each of its segments.
    activation_bit
        Look-up tables of a bit of an activation's clipping and rounding.
    multiplied_bit
        Look-up tables of each bit of a product that has no multiplier, for each bit of the other
        factor.
    register_bit, setting_bit
        Look-up tables of a bit of the register map, and of one that the host can write.
    absorbs_registers
        Whether synthesis moves registers into multipliers by itself.
    spares_multipliers
        Whether narrow factors are added up, see `pmgd.gateware.product`.
    dsp_bits, dsp_least_bits
        See `pmgd.boards.multipliers`.
    block_shapes
        Depths and widths of a block of memory.
    bit_depth
        See `pmgd.boards.memory_blocks.scattered`.
    logic_cells
        Whether a flip-flop without a look-up table takes what one with it takes.
    lut_ram
        Whether small memories are made of look-up tables, 16 words of 4 bits in `lut_ram_cells`.
    parts
        Parts that are the same in every fabric, or nearly.
    sequential_fmax, pipelined_fmax
        What fabrics of both kinds reached by place and route: numbers of parameters, and Hz; empty
        where none was measured.
    """

    margin: float
    chain_places: int
    chain_ends: float
    masks_in_chain: bool
    saved_adders: float
    theta_hold: float
    theta_clip: float
    gradient: float
    synapse: float
    pipelined_synapse: float
    segment_bit: float
    activation_bit: float
    multiplied_bit: float
    register_bit: float
    setting_bit: float
    absorbs_registers: bool
    spares_multipliers: bool
    dsp_bits: int
    dsp_least_bits: int
    block_shapes: tuple[tuple[int, int], ...]
    bit_depth: int | None
    logic_cells: bool
    lut_ram: bool
    lut_ram_cells: int
    parts: Mapping[str, Amount]
    sequential_fmax: tuple[tuple[int, int], ...]
    pipelined_fmax: tuple[tuple[int, int], ...]

    def chain(self, places: int) -> int:
        """Return the look-up tables of a carry chain that a component makes itself."""
        return -(-places // self.chain_places) * self.chain_places

    def fmax_hz(self, parameters: int, *, pipelined: bool) -> int:
        """Return what is typical of fabrics of a kind and about this size.

        Between the sizes that were measured, by their logarithm; beyond them, that of the nearest.
        """
        reached = self.pipelined_fmax if pipelined else self.sequential_fmax
        sizes = [log2(size) for size, _ in reached]
        hz = np.interp(log2(parameters), sizes, [each for _, each in reached])
        return round(float(hz) / 1e6) * 1_000_000

    def adder(self, bits: int) -> float:
        """Return those of an adder that synthesis makes."""
        return self.chain(bits) + self.chain_ends


_ECP5 = Costs(
    margin=0.15,
    chain_places=2,
    chain_ends=2.0,
    masks_in_chain=True,
    saved_adders=1.0,
    theta_hold=1.0,
    theta_clip=2.0,
    gradient=1.0,
    synapse=9.0,
    pipelined_synapse=1.0,
    segment_bit=0.09,
    activation_bit=1.5,
    multiplied_bit=1.0,
    register_bit=0.8,
    setting_bit=0.5,
    absorbs_registers=False,
    spares_multipliers=False,
    dsp_bits=18,
    dsp_least_bits=0,
    block_shapes=((512, 36), (1024, 18), (2048, 9), (4096, 4), (8192, 2), (16_384, 1)),
    bit_depth=BIT_ROWS,
    logic_cells=False,
    lut_ram=True,
    lut_ram_cells=6,
    parts={
        "host": Amount(lut=1130, ff=480, lone_ff=200, block_ram=2),
        "step": Amount(lut=60),
        "sequential control": Amount(lut=180, ff=170),
        "pipelined control": Amount(lut=400, ff=150),
        "shuffler": Amount(lut=40, ff=10),
    },
    # benchmarks/baselines.json: xor_sequential; docs/performance.md: 2-2-1, 49-4-4 in two copies.
    sequential_fmax=((9, 97_000_000),),
    pipelined_fmax=((9, 121_000_000), (220, 99_000_000)),
)

_ICE40 = Costs(
    margin=0.15,
    chain_places=1,
    chain_ends=1.0,
    masks_in_chain=False,
    saved_adders=1.5,
    theta_hold=1.5,
    theta_clip=2.5,
    gradient=1.0,
    synapse=7.0,
    pipelined_synapse=2.0,
    segment_bit=0.13,
    activation_bit=1.5,
    multiplied_bit=1.0,
    register_bit=0.8,
    setting_bit=0.5,
    absorbs_registers=True,
    spares_multipliers=True,
    dsp_bits=16,
    dsp_least_bits=11,
    block_shapes=((256, 16), (512, 8), (1024, 4), (2048, 2)),
    bit_depth=None,
    logic_cells=True,
    lut_ram=False,
    lut_ram_cells=0,
    parts={
        "host": Amount(lut=1300, ff=540, lone_ff=250, block_ram=2),
        "step": Amount(lut=60),
        "sequential control": Amount(lut=180, ff=170, lone_ff=200),
        "pipelined control": Amount(lut=300, ff=150, lone_ff=260),
        "shuffler": Amount(lut=40, ff=10),
    },
    # The preset xor on an iCEBreaker.
    sequential_fmax=((9, 23_000_000),),
    pipelined_fmax=((9, 32_000_000),),
)

COSTS: Mapping[str, Costs] = {"ECP5": _ECP5, "iCE40": _ICE40}
"""By the families' names."""

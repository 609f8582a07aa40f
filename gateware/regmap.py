"""Registers as data: the one list from which the decoder, the models, the driver and docs are made.

Addresses count 32-bit words. The top byte of an address selects a region; region 0 holds the
registers listed by `registers`, the others are windows.
"""

from dataclasses import dataclass
from enum import Enum, IntEnum

from pmgd.gateware.layout import (
    MANTISSA_BITS,
    MEAN_FRACTION_BITS,
    MEAN_SHIFT_BITS,
    REGION_SHIFT,
    SHIFT_BITS,
    TIMESTEP_BITS,
    WORD_BITS,
)
from pmgd.gateware.plan import INTERFACE_VERSION, Plan
from pmgd.gateware.spec import FILTERS, Spec

__all__ = [
    "MAGIC",
    "REGION_SHIFT",
    "Access",
    "Condition",
    "Reg",
    "Region",
    "Register",
    "Window",
    "every_register",
    "registers",
    "windows",
]

MAGIC = 0x504D4744
"""ASCII ``PMGD``."""


class Region(IntEnum):
    """What the top byte of an address selects."""

    REGISTERS = 0
    SCAN = 1
    SAMPLES = 2
    PROBE = 3
    OUTPUTS = 4
    FLIGHT = 5


class Access(Enum):
    """Who may write a register, and when."""

    READ = "read only"
    WRITE = "write any time; reads 0"
    STOPPED = "read; write while stopped"


class Reg(IntEnum):
    """Addresses in region 0."""

    MAGIC = 0x00
    VERSION = 0x01
    DIGEST_LOW = 0x02
    DIGEST_HIGH = 0x03
    STATUS = 0x04
    LINK_ERRORS = 0x05
    HALT = 0x06
    STOP_AT_LOW = 0x08
    STOP_AT_HIGH = 0x09
    TIMESTEP_LOW = 0x0A
    TIMESTEP_HIGH = 0x0B
    TAU_X = 0x10
    TAU_P = 0x11
    TAU_THETA = 0x12
    DTHETA = 0x13
    SCALE_MANTISSA = 0x14
    SCALE_SHIFT = 0x15
    ORDER = 0x16
    SAMPLE_COUNT = 0x17
    SAMPLE_INDEX = 0x18
    PHASE_X = 0x19
    PHASE_P = 0x1A
    PHASE_THETA = 0x1B
    ORDER_STATE = 0x1C
    ROUNDING_STATE = 0x1D
    BASELINE = 0x1E
    BASELINE_VALID = 0x1F
    MEAN_SHIFT = 0x20
    PERTURBED = 0x21
    PERTURBER_STATE = 0x22
    ORDER_POSITION = 0x23
    SIGN_STEP = 0x24
    UPDATE_STATE = 0x25
    FLIGHT_POSITION = 0x26
    BLANK = 0x27
    EVALUATE = 0x28
    HITS = 0x29
    COST_SUM_LOW = 0x2A
    COST_SUM_HIGH = 0x2B
    COST_NOISE = 0x2C
    UPDATE_NOISE = 0x2D
    NOISE_STATE = 0x2E


@dataclass(frozen=True)
class Condition:
    """A setting, and the values of it with which a register exists.

    Attributes
    ----------
    setting
        Dotted key, such as ``"fabric.baseline"``.
    values
        Any of them will do.
    """

    setting: str
    values: tuple[str | bool, ...]

    def holds(self, spec: Spec) -> bool:
        """Return whether a spec meets it."""
        section, name = self.setting.split(".")
        return getattr(getattr(spec, section), name) in self.values

    def __str__(self) -> str:
        return f"{self.setting} is {' or '.join(str(value).lower() for value in self.values)}"


@dataclass(frozen=True)
class Either:
    """Several conditions, of which any will do."""

    conditions: tuple[Condition, ...]

    def holds(self, spec: Spec) -> bool:
        """Return whether a spec meets one of them."""
        return any(condition.holds(spec) for condition in self.conditions)

    def __str__(self) -> str:
        return " or ".join(map(str, self.conditions))


@dataclass(frozen=True)
class Register:
    """One register.

    Attributes
    ----------
    reg
        Name and address.
    bits
        Width; a write with a bit set beyond it is refused, not truncated.
    access
        Who may write it, and when.
    reset
        Value after power-up; for a read-only constant, its value.
    doc
        Meaning and unit.
    where
        Conditions, all of which a fabric that has it meets; none if every fabric has it.
    """

    reg: Reg
    bits: int
    access: Access
    reset: int
    doc: str
    where: tuple[Condition | Either, ...] = ()

    @property
    def name(self) -> str:
        """Name in lower case, as signals and documents spell it."""
        return self.reg.name.lower()


@dataclass(frozen=True)
class Window:
    """A region of words.

    Attributes
    ----------
    region
        Which region.
    words
        Its length.
    readable, writable
        Which way; windows answer only while stopped.
    doc
        What it holds.
    """

    region: Region
    words: int
    readable: bool
    writable: bool
    doc: str

    @property
    def address(self) -> int:
        """Address of its first word."""
        return self.region << REGION_SHIFT


def registers(plan: Plan) -> tuple[Register, ...]:
    """Return the registers of a fabric, in address order; it has none that it does not need."""
    return tuple(
        register
        for register in every_register(plan)
        if all(condition.holds(plan.spec) for condition in register.where)
    )


_FULL = Condition("fabric.correlator", ("full",))
_SIGN = Condition("fabric.correlator", ("sign",))
_STOCHASTIC = Condition("formats.rounding", ("stochastic",))
_FILTERS = Condition("fabric.baseline", FILTERS)
_LITERAL = Condition("fabric.baseline", ("literal",))
_SHARED = Condition("fabric.perturbation", ("chain", "walsh"))
_COST_NOISE = Condition("fabric.cost_noise", (True,))
_UPDATE_NOISE = Condition("fabric.update_noise", ("each", "shared"))
_SHUFFLE = Condition("fabric.shuffle", (True,))
_WAITS = Condition("fabric.pipeline", (False,))
_PIPELINE = Condition("fabric.pipeline", (True,))


def every_register(plan: Plan) -> tuple[Register, ...]:
    """Return the registers of all fabrics, in address order.

    The width of one that the plan's fabric lacks means nothing.
    """
    fabric, sample = plan.spec.fabric, plan.sample
    read, write, stopped = Access.READ, Access.WRITE, Access.STOPPED
    high = TIMESTEP_BITS - WORD_BITS
    low_digest = plan.digest & 0xFFFFFFFF
    return (
        Register(Reg.MAGIC, 32, read, MAGIC, "ASCII PMGD"),
        Register(Reg.VERSION, 32, read, INTERFACE_VERSION, "version of this interface"),
        Register(Reg.DIGEST_LOW, 32, read, low_digest, "plan digest, low word"),
        Register(Reg.DIGEST_HIGH, 32, read, plan.digest >> 32, "plan digest, high word"),
        Register(Reg.STATUS, 1, read, 0, "bit 0: busy, running or evaluating"),
        Register(Reg.LINK_ERRORS, 16, read, 0, "frames dropped by the link; stays at its maximum"),
        Register(Reg.HALT, 1, write, 0, "writing 1 stops the run after this timestep"),
        Register(Reg.STOP_AT_LOW, 32, stopped, 0, "timestep to stop at, low word; held until high"),
        Register(Reg.STOP_AT_HIGH, high, stopped, 0, "its high word; writing it starts the run"),
        Register(Reg.TIMESTEP_LOW, 32, stopped, 0, "timesteps done, low word; held until high"),
        Register(Reg.TIMESTEP_HIGH, high, stopped, 0, "its high word; writing it sets stop_at too"),
        Register(Reg.TAU_X, fabric.tau_bits, stopped, 1, "timesteps between samples"),
        Register(Reg.TAU_P, fabric.tau_bits, stopped, 1, "timesteps between perturbations"),
        Register(Reg.TAU_THETA, fabric.tau_theta_bits, stopped, 1, "timesteps between updates"),
        Register(Reg.DTHETA, plan.dtheta_bits, stopped, 0, "amplitude, in a parameter's last bits"),
        Register(
            Reg.SCALE_MANTISSA,
            MANTISSA_BITS,
            stopped,
            0,
            "cost change to step: mantissa",
            (_FULL,),
        ),
        Register(Reg.SCALE_SHIFT, SHIFT_BITS, stopped, 0, "and right shift", (_FULL,)),
        Register(
            Reg.ORDER,
            2 if fabric.shuffle else 1,
            stopped,
            0,
            "sample order: 0 random, 1 sequential" + ", 2 shuffled" * fabric.shuffle,
        ),
        Register(Reg.SAMPLE_COUNT, sample.count_bits, stopped, 1, "samples in use"),
        Register(Reg.SAMPLE_INDEX, sample.index_bits, stopped, 0, "index of the current sample"),
        Register(Reg.PHASE_X, fabric.tau_bits, stopped, 0, "timesteps since the last new sample"),
        Register(Reg.PHASE_P, fabric.tau_bits, stopped, 0, "since the last new perturbation"),
        Register(Reg.PHASE_THETA, fabric.tau_theta_bits, stopped, 0, "since the last update"),
        Register(Reg.ORDER_STATE, 32, stopped, 1, "state of the order generator, nonzero"),
        Register(
            Reg.ROUNDING_STATE,
            32,
            stopped,
            1,
            "state of the rounding generator, nonzero",
            (_FULL, _STOCHASTIC),
        ),
        Register(
            Reg.BASELINE,
            plan.baseline_bits,
            stopped,
            0,
            "baseline cost C0"
            + f", with {MEAN_FRACTION_BITS} further fraction bits" * plan.filters,
            (_WAITS,),
        ),
        Register(Reg.BASELINE_VALID, 1, stopped, 0, "1 if C0 was taken and may be used", (_WAITS,)),
        Register(
            Reg.MEAN_SHIFT,
            MEAN_SHIFT_BITS,
            stopped,
            0,
            "log2 of the mean's time constant, in timesteps",
            (_FILTERS,),
        ),
        Register(
            Reg.PERTURBED,
            1,
            stopped,
            0,
            "1 while the perturbation is applied",
            (_LITERAL,),
        ),
        Register(
            Reg.PERTURBER_STATE,
            max(1, plan.perturber_state_bits),
            stopped,
            0,
            "what the perturbers share: the chain's LFSR, nonzero, or the Walsh code's column",
            (_SHARED,),
        ),
        Register(
            Reg.ORDER_POSITION,
            sample.index_bits,
            stopped,
            0,
            "position in the shuffle",
            (_SHUFFLE,),
        ),
        Register(
            Reg.SIGN_STEP,
            plan.step_bits,
            stopped,
            0,
            "eta, in a parameter's last bits",
            (_SIGN,),
        ),
        Register(
            Reg.UPDATE_STATE,
            max(1, plan.perturber_state_bits),
            stopped,
            0,
            "perturber_state as late updates need it",
            (_PIPELINE,),
        ),
        Register(
            Reg.FLIGHT_POSITION,
            max(1, (plan.update_delay - 1).bit_length()),
            stopped,
            0,
            "entry of the window flight that the next timestep takes and then fills",
            (_PIPELINE,),
        ),
        Register(
            Reg.BLANK,
            1,
            stopped,
            0,
            "1 to forget the mean with every new sample",
            (_FILTERS,),
        ),
        Register(
            Reg.EVALUATE,
            sample.count_bits,
            stopped,
            0,
            "writing n evaluates samples 0 to n - 1 of the memory",
        ),
        Register(Reg.HITS, sample.count_bits, read, 0, "those classified as their targets"),
        Register(Reg.COST_SUM_LOW, WORD_BITS, read, 0, "sum of their costs, low word"),
        Register(
            Reg.COST_SUM_HIGH,
            max(1, plan.cost_sum_bits - WORD_BITS),
            read,
            0,
            "its high word",
        ),
        Register(
            Reg.COST_NOISE,
            plan.cost_noise_bits,
            stopped,
            0,
            "level of the noise of costs, in a cost's last bits",
            (_COST_NOISE,),
        ),
        Register(
            Reg.UPDATE_NOISE,
            plan.update_noise_bits,
            stopped,
            0,
            "level of the noise of updates, in a parameter's last bits",
            (_UPDATE_NOISE,),
        ),
        Register(
            Reg.NOISE_STATE,
            32,
            stopped,
            1,
            "state of the noise generator, nonzero",
            (Either((_COST_NOISE, _UPDATE_NOISE)),),
        ),
    )


def windows(plan: Plan) -> tuple[Window, ...]:
    """Return the windows of a fabric, in address order."""
    sample, scan = plan.sample, plan.scan
    chosen = [
        Window(
            Region.SCAN,
            scan.words,
            True,
            True,
            "scan ring: theta, G and perturber of each" + "; then the defects" * bool(scan.neurons),
        ),
        Window(
            Region.SAMPLES,
            sample.samples * sample.stride,
            True,
            True,
            "sample memory; a sample every stride words",
        ),
        Window(
            Region.PROBE,
            sample.words,
            False,
            True,
            "packed sample; writing its last word evaluates it",
        ),
        Window(
            Region.OUTPUTS,
            1 + plan.outputs,
            True,
            False,
            "of the evaluated sample: its cost, then the outputs",
        ),
    ]
    if plan.spec.fabric.pipeline:
        chosen.append(
            Window(
                Region.FLIGHT,
                plan.update_delay,
                True,
                True,
                "steps in flight: u, whether its perturbation was new, whether its window ended",
            )
        )
    return tuple(chosen)

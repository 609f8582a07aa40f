"""The state that a run leaves in a device, as a value: what a checkpoint holds."""

from dataclasses import dataclass

__all__ = ["State"]


@dataclass(frozen=True)
class State:
    """Everything that a timestep changes.

    A device with the same plan that is given the same samples and training settings, and then
    this state, goes on bit for bit as the one it was read from. All numbers are as stored.

    Attributes
    ----------
    parameters, gradients, perturbers
        Length P each: theta, the accumulated gradient G, and what every perturber keeps for
        itself; zeros where the fabric has no such thing, here and below.
    timestep
        Timesteps done.
    phase_x, phase_p, phase_theta
        Timesteps since the last new sample, perturbation and update.
    sample_index
        Index of the current sample.
    order_state, rounding_state
        States of the generators of the sample order and of the stochastic rounding.
    baseline, baseline_valid
        C0, and whether it belongs to the parameters and the sample.
    perturber_state
        What the perturbers share.
    order_position
        Position in a shuffled order.
    perturbed
        Whether the perturbation is in force, in Table 1 as printed.
    update_perturbers, update_state
        In a pipelined fabric what `perturbers` and `perturber_state` are, for late updates;
        elsewhere of no length, and 0.
    flight
        Steps in flight: words as in `pmgd.gateware.layout.FlightLayout`, `Plan.update_delay` of
        them; elsewhere none.
    flight_position
        Of these, the one that the next timestep takes and then fills.
    noise_state
        State of the generator of the noise, where there is any.
    defects
        What is wrong with every neuron, in a fabric with defects; elsewhere none. In order, as
        `pmgd.gateware.layout.DEFECTS`.
    """

    parameters: tuple[int, ...]
    gradients: tuple[int, ...]
    perturbers: tuple[int, ...]
    timestep: int
    phase_x: int
    phase_p: int
    phase_theta: int
    sample_index: int
    order_state: int
    rounding_state: int
    baseline: int
    baseline_valid: bool
    perturber_state: int = 0
    order_position: int = 0
    perturbed: bool = False
    update_perturbers: tuple[int, ...] = ()
    update_state: int = 0
    flight: tuple[int, ...] = ()
    flight_position: int = 0
    noise_state: int = 0
    defects: tuple[tuple[int, ...], ...] = ()

"""The golden model's timesteps as a compiled loop: integers only, one lane after the other.

The specification once more, arranged so that a compiler turns every loop over the parameters into
vector instructions. `pmgd.sim.golden` says the same in NumPy, and the tests demand that the two be
equal. What a lane has once lies in a record with the registers' names. Its synapses lie in arrays
of 32 bits, or of 64 where a plan needs them, which may be longer than there are parameters: what
follows the last one is computed like the others, and means nothing.

What only some fabrics have, oscillators, leaky integrators, noise and defects, stands where `more`
is true. It is known when the kernel is compiled, so that the others are not slowed down by it.

Importing this module raises ImportError where numba is missing. All that the kernel calls is in
this file, since a change elsewhere would not make numba's cache stale. Arrays and pieces of them
are never reference-counted (`_nrt`), which would take longer than the arithmetic.
"""
# mypy: ignore-errors
# The types are numba's, inferred anew for each width.

from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

__all__ = ["run_lanes"]

Function = Callable[..., Any]

# What the records' numbers mean.
_LFSR, _CHAIN, _WALSH, _SEQUENTIAL, _SQUARE, _SINE = range(6)
_SAMPLE, _TWO_SIDED, _LITERAL, _MEAN, _HIGHPASS = range(5)
_NO_NOISE, _EACH, _SHARED = range(3)
_RANDOM_ORDER, _SEQUENTIAL_ORDER, _SHUFFLED_ORDER = range(3)


def _piece(function: Function) -> Any:
    """Compile a function that is merged into those that call it."""
    return njit(forceinline=True, error_model="numpy", _nrt=False)(function)


def _innermost(function: Function) -> Any:
    """Do the same before types are inferred: slower to compile, but faster by a quarter."""
    return njit(inline="always", error_model="numpy", _nrt=False)(function)


def _whole(function: Function) -> Any:
    options = {"nogil": True, "error_model": "numpy", "_nrt": False}
    try:
        return njit(cache=True, **options)(function)
    except RuntimeError:  # neither this folder nor the user's cache can be written
        return njit(**options)(function)


@intrinsic
def _right(_, value, distance):
    """Shift right in the value's own width; `>>` would widen it to 64 bits."""

    def emit(_context, builder, signature, arguments):
        shift = builder.ashr if signature.args[0].signed else builder.lshr
        return shift(*arguments)

    return value(value, value), emit


@intrinsic
def _left(_, value, distance):
    """Shift left in the value's own width."""

    def emit(_context, builder, _signature, arguments):
        return builder.shl(*arguments)

    return value(value, value), emit


@intrinsic
def _prefetch(_, array, index):
    """Ask for the first 128 bytes of a row of `array` to be brought near."""

    def emit(context, builder, signature, arguments):
        view = context.make_array(signature.args[0])(context, builder, arguments[0])
        stride = cgutils.unpack_tuple(builder, view.strides)[0]
        offset = builder.mul(stride, builder.sext(arguments[1], stride.type))
        base = builder.add(builder.ptrtoint(view.data, stride.type), offset)
        pointer, word = ir.IntType(8).as_pointer(), ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [pointer, word, word, word])
        function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        for line in (0, 64):
            address = builder.inttoptr(builder.add(base, stride.type(line)), pointer)
            builder.call(function, [address, word(0), word(3), word(1)])  # to read; keep; data
        return context.get_dummy_value()

    return types.void(array, index), emit


# -- Generators -------------------------------------------------------------------------------


@_piece
def _xorshift32(x):
    x ^= (x << 13) & 0xFFFFFFFF
    x ^= x >> 17
    return x ^ ((x << 5) & 0xFFFFFFFF)


@_piece
def _noise(plan, word, level):
    """Return noise of a level made of a random word."""
    ones = word & plan.counted_mask
    # Sums of neighbours, of pairs, of fours, and of all bytes in the highest.
    ones -= (ones >> 1) & 0x55555555
    ones = (ones & 0x33333333) + ((ones >> 2) & 0x33333333)
    ones = (ones + (ones >> 4)) & 0x0F0F0F0F
    ones = ((ones * 0x01010101) >> 24) & 0xFF
    n = 512 * ones + 2 * (word >> plan.counted_bits) + 1 - plan.noise_offset
    size = (abs(n) * level + (1 << plan.noise_shift >> 1)) >> plan.noise_shift
    return size if n > 0 else -size


@_piece
def _permuted(x, key, mask):
    for a, b in ((1, 7), (4, 1), (3, 6), (3, 2)):
        x = (x + key) & mask
        x ^= x >> a
        x = (x + (x << b)) & mask
        key = (key >> 8) | ((key & 0xFF) << 24)
    return x


@_piece
def _shuffled_index(lane):
    count = max(lane.sample_count, 1)
    mask = 0
    while mask < count - 1:
        mask = 2 * mask + 1
    while True:
        if lane.order_position < mask:
            lane.order_position += 1
        else:
            lane.order_position = 0
            lane.order_state = _xorshift32(lane.order_state)
        x = _permuted(lane.order_position, lane.order_state, mask)
        if x < count:
            return x


@_piece
def _draw_sample(lane, narrow, wide):
    if lane.order >= _SHUFFLED_ORDER:
        lane.sample_index = _shuffled_index(lane)
    elif lane.order == _SEQUENTIAL_ORDER:
        following = lane.sample_index + 1
        lane.sample_index = following if following < lane.sample_count else 0
    else:
        lane.order_state = _xorshift32(lane.order_state)
        lane.sample_index = (lane.order_state * lane.sample_count) >> 32
        # No cache holds a large data set, but this timestep lasts as long as it takes to fetch
        # the next one's sample.
        following = (_xorshift32(lane.order_state) * lane.sample_count) >> 32
        if len(narrow):
            _prefetch(narrow, following)
        else:
            _prefetch(wide, following)


@_piece
def _rotate(own, first, count):
    """Move every bit to the next parameter, and `first` to parameter 0."""
    for i in range(count - 1, 0, -1):
        own[i] = own[i - 1]
    own[0] = first


@_piece
def _advance_lfsrs(plan, own):
    word = np.uint32
    one, top = word(1), word(plan.lfsr_bits - 1)
    a, b, c, d = word(plan.tap_0), word(plan.tap_1), word(plan.tap_2), word(plan.tap_3)
    for i in range(len(own)):
        state = own[i]
        feedback = _right(state, a) ^ _right(state, b) ^ _right(state, c) ^ _right(state, d)
        own[i] = _right(state, one) | _left(word(feedback & one), top)


@_piece
def _advance_oscillators(plan, own, increments):
    word = np.uint32
    mask = word(plan.phase_mask)
    for i in range(len(own)):
        own[i] = word(own[i] + increments[i]) & mask


@_piece
def _advance_perturbers(plan, more, state, own, increments):
    """Advance what every perturber keeps; return what they share."""
    if plan.perturbation == _LFSR:
        _advance_lfsrs(plan, own)
    elif plan.perturbation == _WALSH:
        state = (state + 1) & plan.column_mask
    elif more and plan.perturbation >= _SQUARE:
        _advance_oscillators(plan, own, increments)
    else:
        first = np.int64(own[plan.parameters - 1])
        if plan.perturbation == _CHAIN:
            feedback = (state >> plan.tap_0) ^ (state >> plan.tap_1)
            feedback ^= (state >> plan.tap_2) ^ (state >> plan.tap_3)
            state = (state >> 1) | ((feedback & 1) << (plan.lfsr_bits - 1))
            first = state & 1
        _rotate(own, first, plan.parameters)
    return state


@_piece
def _form_signs(plan, more, state, own, sign):
    kind, word = sign.dtype.type, np.uint32
    one, bit = kind(1), word(1)
    if plan.perturbation == _WALSH:
        column = word(state)
        for i in range(len(sign)):
            ones = word(word(i + 1) & column)
            for distance in (16, 8, 4, 2, 1):
                ones ^= _right(ones, word(distance))
            sign[i] = one - _left(kind(ones & bit), one)
    elif plan.perturbation == _SEQUENTIAL:
        for i in range(len(sign)):
            sign[i] = kind(own[i])
    elif more and plan.perturbation == _SQUARE:
        shift = word(plan.point_shift + 4)
        for i in range(len(sign)):
            sign[i] = one - _left(kind(_right(own[i], shift)), one)
    else:
        for i in range(len(sign)):
            sign[i] = _left(kind(own[i] & bit), one) - one


# -- Sines ------------------------------------------------------------------------------------
#
# A sine's perturbations are operands: theta, shifted, moves by them, one time. What the parameters
# correlate with is a vector, too, of steps with the signs.


@_piece
def _set_level(cycle, k, value):
    """Set what the four points of a level make of a sine: up and down, above 0 and below."""
    negative = cycle.dtype.type(-value)
    cycle[k] = cycle[15 - k] = value
    cycle[16 + k] = cycle[31 - k] = negative


@_piece
def _form_sines(plan, own, cycle, out):
    """Look up what every phase's point of the cycle has."""
    shift = np.uint32(plan.point_shift)
    for i in range(len(out)):
        out[i] = cycle[_right(own[i], shift)]


@_piece
def _form_moves(plan, lane, magnitudes, own, cycle, moves):
    kind = cycle.dtype.type
    for k in range(len(magnitudes)):
        amplitude = ((lane.dtheta >> plan.operand_shift) * magnitudes[k] + 64) >> 7
        _set_level(cycle, k, kind(amplitude))
    _form_sines(plan, own, cycle, moves)


@_piece
def _shifted(plan, theta, out):
    shift = theta.dtype.type(plan.operand_shift)
    for i in range(len(theta)):
        out[i] = _right(theta[i], shift)


# -- The network and its cost -----------------------------------------------------------------


@_piece
def _load_sample(plan, narrow, wide, index, inputs, targets):
    kind = inputs.dtype.type
    x_minimum, count = kind(plan.x_minimum), len(inputs)
    if len(narrow):
        row = narrow[index]
        for i in range(count):
            inputs[i] = kind(row[i]) + x_minimum
        for j in range(len(targets)):
            targets[j] = (np.int64(row[count + j]) + plan.t_minimum) << plan.target_shift
    else:
        wide_row = wide[index]
        for i in range(count):
            inputs[i] = kind(wide_row[i]) + x_minimum
        for j in range(len(targets)):
            targets[j] = (wide_row[count + j] + plan.t_minimum) << plan.target_shift


@_innermost
def _sum(theta, sign, amplitude, shift, inputs, first, reach):
    # An unsigned index is not looked at for being negative, and so leaves a loop of vectors.
    kind = theta.dtype.type
    total = kind(0)
    for i in range(reach):
        k = first + np.uintp(i)
        operand = _right(kind(theta[k] + kind(sign[k] * amplitude)), shift)
        total = kind(total + kind(operand * inputs[np.uintp(i)]))
    return total


@_innermost
def _cost(
    plan, layers, tables, more, theta, sign, amplitude, shift, defects, values, targets
):  # fmt: skip
    """Cost of a sample where every parameter has moved by its sign times `amplitude`."""
    kind = theta.dtype.type
    amplitude, shift = kind(amplitude), kind(shift)
    z_minimum, z_maximum = plan.z_minimum, plan.z_maximum
    first, total, neuron = np.uintp(0), 0, 0
    defective, fraction = more and plan.defects != 0, plan.defect_fraction
    half = 1 << fraction >> 1
    for n in range(len(layers)):
        layer, inputs, outputs = layers[n], values[n], values[n + 1]
        # Local names, since the compiler must take it that an output may overwrite a record.
        neurons, reach, fan_in = layer.outputs, layer.reach, np.uintp(layer.fan_in)
        sum_left, sum_right, left, right = layer.sum_left, layer.sum_right, layer.left, layer.right
        table, remainder_bits, rounding = layer.table, layer.remainder_bits, layer.rounding
        low, high, last = layer.low, layer.high, n == len(layers) - 1
        least, most = layer.least, layer.most
        for j in range(neurons):
            outputs[np.uintp(j)] = _sum(theta, sign, amplitude, shift, inputs, first, reach)
            first += fan_in
        for j in range(neurons):
            z = (np.int64(outputs[np.uintp(j)]) << sum_left) >> sum_right
            z = min(max(z, z_minimum), z_maximum)
            if defective:
                z = ((defects[neuron, 0] * z + half) >> fraction) + defects[neuron, 1]
                z = min(max(z, z_minimum), z_maximum)
            if table >= 0:
                offset = z - z_minimum
                k = np.uintp(table + 2 * (offset >> remainder_bits))
                remainder = offset & ((1 << remainder_bits) - 1)
                z = (tables[k] << remainder_bits) + tables[k + np.uintp(1)] * remainder + rounding
            y = min(max((z << left) >> right, low), high)
            if defective:
                y = ((defects[neuron, 2] * y + half) >> fraction) + defects[neuron, 3]
                y = min(max(y, least), most)
                neuron += 1
            outputs[np.uintp(j)] = kind(y)
            if last:
                error = (y << plan.output_shift) - targets[j]
                total += error * error if plan.squared else abs(error)
    return total >> plan.cost_shift


# -- Step and update --------------------------------------------------------------------------


@_piece
def _scaled(plan, lane, change, mantissa, offset):
    step = (change * mantissa + offset) >> lane.scale_shift
    return min(max(step, -plan.step_maximum), plan.step_maximum)


@_piece
def _step(plan, more, lane, change, magnitudes, cycle):
    """Return u, and what G correlates with the signs: u itself, or the sign of C~.

    Those of a sine are in `cycle`.
    """
    cleared = plan.baseline == _LITERAL and lane.perturbed == 0
    sine = more and plan.perturbation == _SINE
    if plan.full == 0:
        direction = 0 if cleared else np.int64(change > 0) - np.int64(change < 0)
        summand = direction << plan.decay_shift
        if sine:
            for k in range(len(magnitudes)):
                _set_level(cycle, k, cycle.dtype.type(summand))
        return direction * lane.sign_step, summand
    offset = (1 << lane.scale_shift) >> 1
    if plan.stochastic:
        lane.rounding_state = _xorshift32(lane.rounding_state)
        offset = lane.rounding_state & ((1 << lane.scale_shift) - 1)
    step = 0
    if sine:
        for k in range(len(magnitudes)):
            mantissa = (lane.scale_mantissa * magnitudes[k] + 64) >> 7
            step = 0 if cleared else _scaled(plan, lane, change, mantissa, offset)
            _set_level(cycle, k, cycle.dtype.type(step))
    elif not cleared:
        step = _scaled(plan, lane, change, lane.scale_mantissa, offset)
    return step, step


@_piece
def _correlate(gradient, sign, summand):
    kind = gradient.dtype.type
    summand = kind(summand)
    for i in range(len(gradient)):
        gradient[i] = kind(gradient[i] + kind(sign[i] * summand))


@_piece
def _update(plan, lane, theta, gradient, sign, summand):
    """Correlate, move every parameter, and let G decay, in one pass."""
    kind = theta.dtype.type
    summand, sign_step, full = kind(summand), kind(lane.sign_step), plan.full != 0
    low, high, clip = kind(plan.theta_minimum), kind(plan.theta_maximum), plan.hold == 0
    shift, upwards = kind(plan.decay_shift), kind((1 << plan.decay_shift) - 1)
    for i in range(len(theta)):
        g = kind(gradient[i] + kind(sign[i] * summand))
        old = theta[i]
        if full:
            wanted = kind(old - g)
        else:
            wanted = kind(old - (sign_step if g > 0 else (kind(-sign_step) if g < 0 else kind(0))))
        bounded = min(max(wanted, low), high)
        theta[i] = bounded if clip or bounded == wanted else old
        gradient[i] = kind(g - _right(kind(g + (upwards if g > 0 else kind(0))), shift))


@_piece
def _leak(plan, lane, theta, gradient, sign, summand, due):
    """Correlate, move every parameter if that is due, and let G decay in any case."""
    kind = theta.dtype.type
    summand, sign_step, full = kind(summand), kind(lane.sign_step), plan.full != 0
    low, high, clip = kind(plan.theta_minimum), kind(plan.theta_maximum), plan.hold == 0
    shift, upwards, downwards = kind(plan.decay_shift), kind((1 << plan.decay_shift) - 1), kind(0)
    if plan.dithered:
        upwards = downwards = kind(lane.rounding_state >> (32 - plan.decay_shift))
    for i in range(len(theta)):
        g = kind(gradient[i] + kind(sign[i] * summand))
        if due:
            old = theta[i]
            by = sign_step if g > 0 else (kind(-sign_step) if g < 0 else kind(0))
            wanted = kind(old - (g if full else by))
            bounded = min(max(wanted, low), high)
            theta[i] = bounded if clip or bounded == wanted else old
        gradient[i] = kind(g - _right(kind(g + (upwards if g > 0 else downwards)), shift))


@_piece
def _disturb(plan, lane, theta):
    """Add the noise of an update: in turn, since every word follows from the one before."""
    kind = theta.dtype.type
    low, high, clip = plan.theta_minimum, plan.theta_maximum, plan.hold == 0
    state, drawn = lane.noise_state, 0
    for i in range(plan.parameters):
        if i == 0 or plan.update_noise == _EACH:
            state = _xorshift32(state)
            drawn = _noise(plan, state, lane.update_noise)
        wanted = theta[i] - drawn
        bounded = min(max(wanted, low), high)
        if clip or bounded == wanted:
            theta[i] = kind(bounded)
    lane.noise_state = state


@_piece
def _update_late(plan, lane, theta, gradient, late_own, late_sign, flight, increments, first):
    """Update with the step that was put in flight D timesteps ago."""
    entry = flight[lane.flight_position]
    step, advance, ends = entry[0], entry[1], entry[2]
    if advance:
        state = _advance_perturbers(plan, False, lane.update_state, late_own, increments)
        lane.update_state = state
    if advance or first:
        _form_signs(plan, False, lane.update_state, late_own, late_sign)
    if ends or plan.has_gradient == 0:
        _update(plan, lane, theta, gradient, late_sign, step)
    else:
        _correlate(gradient, late_sign, step)


@_piece
def _put_in_flight(lane, flight, step, ends):
    entry = flight[lane.flight_position]
    entry[0], entry[1], entry[2] = step, lane.phase_p == 0, ends
    following = lane.flight_position + 1
    lane.flight_position = following if following < len(flight) else 0


# -- Timesteps --------------------------------------------------------------------------------


@_piece
def _advanced(phase, tau):
    return 0 if phase + 1 >= tau else phase + 1


@_piece
def _run_lane(
    plan, layers, tables, more, increments, magnitudes, lane, theta, gradient, own, late_own,
    flight, defects, narrow, wide, steps, numbers, parameters, sign, second, cycle, values, targets,
):  # fmt: skip
    kind = theta.dtype.type
    sine = more and plan.perturbation == _SINE
    base, shift = theta, plan.operand_shift
    if sine:
        base, shift = second, 0
    inputs = values[0, : layers[0].inputs]
    for n in range(len(layers)):
        values[n, :] = kind(0)
        values[n, layers[n].inputs] = kind(layers[n].one)
    for n in range(steps):
        if plan.pipeline:
            _update_late(plan, lane, theta, gradient, late_own, second, flight, increments, n == 0)
        # 1. Sample.
        if lane.phase_x == 0:
            _draw_sample(lane, narrow, wide)
            if plan.baseline == _SAMPLE or (plan.baseline >= _MEAN and lane.blank):
                lane.baseline_valid = 0
        if lane.phase_x == 0 or n == 0:
            _load_sample(plan, narrow, wide, lane.sample_index, inputs, targets)
        # 2. Perturbation.
        if lane.phase_p == 0:
            lane.perturber_state = _advance_perturbers(
                plan, more, lane.perturber_state, own, increments
            )
        if lane.phase_p == 0 or n == 0:
            if sine:
                _form_moves(plan, lane, magnitudes, own, cycle, sign)
            else:
                _form_signs(plan, more, lane.perturber_state, own, sign)
        # 3. Baseline.
        amplitude, opposite, retaken = lane.dtheta & plan.amplitude_mask, 0, False
        if sine:
            amplitude = 1
            _shifted(plan, theta, second)
        if plan.baseline == _SAMPLE:
            retaken = plan.pipeline or lane.baseline_valid == 0
        elif plan.baseline == _TWO_SIDED:
            opposite, retaken = -amplitude, True
        elif plan.baseline == _LITERAL:
            retaken = lane.phase_x == 0 or lane.phase_theta == 0
            if lane.phase_p == 0:
                lane.perturbed = 1
            elif retaken:
                lane.perturbed = 0
            amplitude *= lane.perturbed
        # 4. Cost. The compiler merges only what is called in one place.
        cost = 0
        for turn in range(0 if retaken else 1, 2):
            moved = amplitude if turn else opposite
            cost = _cost(
                plan, layers, tables, more, base, sign, moved, shift, defects, values, targets
            )
            if more and plan.cost_noise:
                lane.noise_state = _xorshift32(lane.noise_state)
                cost += plan.cost_offset + _noise(plan, lane.noise_state, lane.cost_noise)
            if turn == 0:
                lane.baseline, lane.baseline_valid = cost, 1
        if plan.baseline >= _MEAN:
            fine = cost << plan.mean_fraction
            if lane.baseline_valid == 0:
                lane.baseline, lane.baseline_valid = fine, 1
            change = cost - (lane.baseline >> plan.mean_fraction)
            lane.baseline += (fine - lane.baseline) >> lane.mean_shift
            if plan.baseline == _HIGHPASS:
                change = cost - (lane.baseline >> plan.mean_fraction)
        else:
            change = cost - lane.baseline
        # 5. Step.
        step, summand = _step(plan, more, lane, change, magnitudes, cycle)
        # 6. and 7. Correlation and update.
        due = lane.phase_theta + 1 >= lane.tau_theta
        if plan.baseline == _LITERAL:
            due = lane.phase_theta == 0
        towards = sign
        if sine:
            _form_sines(plan, own, cycle, second)
            towards, summand = second, 1
        if plan.pipeline:
            _put_in_flight(lane, flight, step, due)
        elif more and plan.leaky:
            _leak(plan, lane, theta, gradient, towards, summand, due)
        elif due:
            _update(plan, lane, theta, gradient, towards, summand)
        elif plan.has_gradient:
            _correlate(gradient, towards, summand)
        if due and plan.pipeline == 0:
            if plan.baseline == _SAMPLE:
                lane.baseline_valid = 0
            if more and plan.update_noise != _NO_NOISE:
                _disturb(plan, lane, theta)
        # 8. Clockwork.
        lane.phase_x = _advanced(lane.phase_x, lane.tau_x)
        lane.phase_p = _advanced(lane.phase_p, lane.tau_p)
        lane.phase_theta = _advanced(lane.phase_theta, lane.tau_theta)
        lane.timestep += 1
        if len(numbers):
            numbers[n, 0], numbers[n, 1], numbers[n, 2] = cost, lane.baseline, step
            for i in range(plan.parameters):
                parameters[n, i] = theta[i]


@_whole
def run_lanes(
    plan, layers, tables, rest, increments, magnitudes, lanes, theta, gradient, perturber,
    update_perturber, flight, defects, narrow, wide, steps, numbers, parameters, sign, second,
    cycle, values, targets,
):  # fmt: skip
    """Execute `steps` timesteps in every lane.

    Parameters
    ----------
    plan, layers, lanes
        A record `PLAN` and arrays of `LAYER` and of `LANE`; the last is updated.
    tables
        A knot, its slope, the next knot and so on, of all tables.
    rest
        A tuple, of no length for a fabric without oscillators, leaky integrators, noise and
        defects. The compiler knows its length.
    increments, magnitudes
        Of oscillators: what each phase grows by, as long as a row of theta and of 32 bits,
        unsigned; and what their levels are.
    theta, gradient, perturber, update_perturber
        Shape (B, at least P, with room for the last neuron's reach), updated. The first two are
        of one signed type of 32 or 64 bits, the others are of 32 bits, unsigned.
    flight, defects
        As in `pmgd.sim.golden.Golden`; the first is updated.
    narrow, wide
        Samples, bytes or 64 bits wide: shape (B or 1, N, inputs + outputs), less the least value
        of their formats. One of the two has no samples, N = 0.
    steps
        Number of timesteps.
    numbers, parameters
        Shapes (B, steps, 3), for cost, baseline and step, and (B, steps, P), to record them in; or
        (B, 0, ...).
    sign, second, cycle, values, targets
        Room to work in: two vectors like a row of theta; one of that type for the points of a
        sine's cycle; a matrix of that type with a row for the inputs and each layer, as long as
        the longest reach or layer; as many 64-bit words as there are outputs.
    """
    for b in range(len(lanes)):
        _run_lane(
            plan, layers, tables, len(rest) > 0, increments, magnitudes, lanes[b], theta[b],
            gradient[b], perturber[b], update_perturber[b], flight[b], defects[b],
            narrow[min(b, len(narrow) - 1)], wide[min(b, len(wide) - 1)], steps, numbers[b],
            parameters[b], sign, second, cycle, values, targets,
        )  # fmt: skip

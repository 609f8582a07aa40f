"""A plan as plain values, which ``pmgd explain --json`` prints."""

from typing import Any

from pmgd.gateware.layout import NEURON_BITS
from pmgd.gateware.plan import Plan
from pmgd.gateware.regmap import registers, windows

__all__ = ["plan_record"]


def plan_record(plan: Plan) -> dict[str, Any]:
    """Return what a specification becomes, as plain values."""
    latency, scan, sample = plan.latency, plan.scan, plan.sample
    fabric = plan.spec.fabric
    return {
        "name": plan.spec.name,
        "plan_digest": f"{plan.digest:016x}",
        "parameters": plan.parameters,
        "spec": plan.spec.to_mapping(),
        "method": {
            "perturbation": fabric.perturbation,
            "baseline": fabric.baseline,
            "correlator": fabric.correlator,
            "gradient_kept": 1 - 2.0**-fabric.decay_shift,
            "decay_every": fabric.decay_every,
            "frequencies": [each / (1 << plan.perturber_bits) for each in plan.increments],
            "cost_noise": fabric.cost_noise,
            "update_noise": fabric.update_noise,
            "defects": fabric.defects,
            "cost": plan.spec.network.cost,
            "stochastic_rounding": plan.stochastic,
        },
        "widths": {
            "parameter": plan.theta.bits,
            "dtheta": plan.dtheta_bits,
            "operand": plan.operand_bits,
            "cost": plan.cost_bits,
            "measured_cost": plan.measured_bits,
            "baseline": plan.baseline_bits,
            "cost_change": plan.change_bits,
            "step": plan.step_bits + 1,
            "gradient": plan.gradient_bits,
        },
        "layers": [
            {
                "inputs": layer.inputs,
                "neurons": layer.outputs,
                "bias": layer.bias,
                "parameters": layer.parameters,
                "first_parameter": layer.first_parameter,
                "input_format": str(layer.input_format),
                "product_bits": layer.product_bits,
                "sum_bits": layer.sum_bits,
                "sum_shift": layer.sum_shift,
                "activation": layer.activation,
                "segments": layer.table.segments if layer.table else None,
                "output_format": str(layer.output_format),
                "latency_cycles": cycles,
            }
            for layer, cycles in zip(plan.layers, latency.layers, strict=True)
        ],
        "latency_cycles": {
            "network": latency.network,
            "cost": latency.cost,
            "evaluation": latency.evaluation,
            "step": latency.step,
        },
        "clocks_per_timestep": {
            "new_sample": plan.clocks_per_timestep(),
            "new_baseline": plan.clocks_per_timestep(new_sample=False),
            "same_baseline": plan.clocks_per_timestep(new_sample=False, new_baseline=False),
            "noise_of_update": plan.shake_cycles,
        },
        "update_delay_timesteps": plan.update_delay,
        "pipeline": _pipeline(plan),
        "storage_bits": {
            "theta": scan.theta_bits,
            "gradient": scan.gradient_bits,
            "perturber": scan.perturber_bits,
            "update_perturber": scan.update_perturber_bits,
            "per_parameter": scan.synapse_bits,
            "all_parameters": scan.synapse_bits * scan.parameters,
            "shared_perturber": plan.perturber_state_bits,
            "defects": scan.neurons * NEURON_BITS,
            "flight": plan.update_delay * plan.flight.bits,
            "sample": sample.bits,
            "sample_memory": sample.bits * sample.samples,
        },
        "scan": {
            "words": scan.words,
            "padding_bits": scan.padding_bits,
            "planes": scan.planes,
            "offset_binary": scan.offset_binary,
            "neurons": scan.neurons,
        },
        "sample": {
            "inputs": sample.inputs,
            "input_format": str(sample.input_format),
            "targets": sample.outputs,
            "target_format": str(sample.target_format),
            "words": sample.words,
            "stride_words": sample.stride,
            "capacity": sample.samples,
        },
        "evaluation": {
            "samples": sample.samples,
            "cost_sum_bits": plan.cost_sum_bits,
            "class_threshold": plan.class_threshold if plan.outputs == 1 else None,
        },
        "run_time": _run_time(plan),
        "registers": [
            {
                "address": int(register.reg),
                "name": register.name,
                "bits": register.bits,
                "access": register.access.value,
                "reset": register.reset,
                "doc": register.doc,
            }
            for register in registers(plan)
        ],
        "windows": [
            {
                "address": window.address,
                "name": window.region.name.lower(),
                "words": window.words,
                "readable": window.readable,
                "writable": window.writable,
                "doc": window.doc,
            }
            for window in windows(plan)
        ],
    }


def _pipeline(plan: Plan) -> dict[str, int] | None:
    if not plan.spec.fabric.pipeline:
        return None
    return {
        "copies": plan.spec.fabric.copies,
        "interval_cycles": plan.interval,
        "step_bits": plan.flight.step_bits,
        "advance_bit": plan.flight.advance_bit,
        "ends_bit": plan.flight.ends_bit,
    }


def _run_time(plan: Plan) -> dict[str, int]:
    values = {"dtheta_last_bits": plan.dtheta_steps()}
    if plan.spec.fabric.correlator == "full":
        values["scale_mantissa"], values["scale_shift"] = plan.scale()
    else:
        values["sign_step_last_bits"] = plan.sign_step()
    training, fabric = plan.spec.training, plan.spec.fabric
    if plan.filters:
        values |= {"mean_shift": training.mean_shift, "blank": int(training.blank)}
    if fabric.cost_noise:
        values["cost_noise"] = plan.cost_noise_level()
    if fabric.update_noise != "none":
        values["update_noise"] = plan.update_noise_level()
    return values

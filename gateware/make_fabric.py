"""The fabric of a plan."""

from amaranth.lib import wiring

from pmgd.gateware.fabric import Fabric
from pmgd.gateware.pipelined_fabric import PipelinedFabric
from pmgd.gateware.plan import Plan

__all__ = ["make_fabric"]


def make_fabric(plan: Plan) -> wiring.Component:
    """Return a component with the ports of `pmgd.gateware.fabric_signature.FabricSignature`.

    It is a `PipelinedFabric` where `Fabric.pipeline` of the specification says so, else a
    `pmgd.gateware.fabric.Fabric`.
    """
    return PipelinedFabric(plan) if plan.spec.fabric.pipeline else Fabric(plan)

import gc

import pytest
from pipelines import make

from pmgd.gateware.fabric import Fabric
from pmgd.gateware.fabric_signature import FabricSignature
from pmgd.gateware.make_fabric import make_fabric
from pmgd.gateware.pipelined_fabric import PipelinedFabric
from pmgd.gateware.plan import Plan


@pytest.mark.filterwarnings("ignore::amaranth.hdl.UnusedElaboratable")
@pytest.mark.parametrize(("pipeline", "kind"), [(False, Fabric), (True, PipelinedFabric)])
def test_the_specification_chooses(pipeline: bool, kind: type) -> None:
    plan = Plan(make({"fabric.pipeline": pipeline}))
    fabric = make_fabric(plan)
    assert type(fabric) is kind
    assert isinstance(fabric.signature, FabricSignature)
    del fabric
    gc.collect()  # what is left of it warns here

"""The host: trains networks on any device, from Python or from the command line."""

from pmgd.gateware import presets
from pmgd.host.driver import Driver
from pmgd.host.open_device import open_device
from pmgd.host.trainer import Trainer

__all__ = ["Driver", "Trainer", "open_device", "presets"]

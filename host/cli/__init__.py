"""The `pmgd` command line."""

from pmgd.host.cli.main import main

__all__ = ["main"]

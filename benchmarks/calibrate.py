"""Compare estimates of size with what synthesis and packing make, and show what each part takes.

    python benchmarks/calibrate.py                     # what was counted, against the estimates
    python benchmarks/calibrate.py --count xor walsh   # count these anew, by synthesis and packing
    python benchmarks/calibrate.py --write benchmarks/counts.json    # all, and keep it; an hour
    python benchmarks/calibrate.py --parts xor         # and what each part is estimated to take

The coefficients are those of boards/costs.py.
"""

import argparse
import tempfile
from dataclasses import asdict
from pathlib import Path

from pmgd.boards.calibration import COUNTED, Counted, read_counts, write_counts
from pmgd.boards.estimate import Estimate, estimate
from pmgd.boards.family import Resources
from pmgd.boards.packed import pack
from pmgd.gateware.plan import Plan
from pmgd.host.cli.text import table

COUNTS = Path(__file__).with_name("counts.json")


def main() -> None:
    """Carry the command out."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="of fabrics; default: all")
    parser.add_argument("--count", action="store_true", help="count anew; needs the extra 'build'")
    parser.add_argument("--write", metavar="FILE", type=Path, help="count anew, and keep it here")
    parser.add_argument("--parts", action="store_true", help="show the parts of each estimate")
    args = parser.parse_args()
    known = {each.spec.name for each in COUNTED}
    if strange := [name for name in args.names if name not in known]:
        parser.error(f"a fabric must be one of {', '.join(sorted(known))}, not {strange[0]}")
    kept = read_counts(COUNTS) if COUNTS.exists() else {}
    rows: list[tuple[str, ...]] = [("", "", "LUT", "", "", "FF", "", "", "DSP", "block RAM")]
    for each in COUNTED:
        if args.names and each.spec.name not in args.names:
            continue
        if args.count or args.write:
            with tempfile.TemporaryDirectory() as folder:
                kept[each.name] = pack(each.spec, each.board, Path(folder))
            if args.write:
                write_counts(args.write, {each.name: kept[each.name]})
        if each.name not in kept:
            continue
        expected = estimate(Plan(each.spec), each.board)
        row = _row(each, expected, kept[each.name])
        rows.append(row)
        if args.count or args.write:
            print("  ".join(row), flush=True)
        if args.parts:
            print(_parts(each, expected))
    print(table(rows, "llrrrrrrrr"))


def _row(each: Counted, expected: Estimate, counted: Resources) -> tuple[str, ...]:
    row = [each.name, "held out" if each.held_out else ""]
    for name in ("lut", "ff"):
        told, there = getattr(expected.used, name), getattr(counted, name)
        row += [f"{told:,}", f"{there:,}", f"{told / there - 1:+.1%}"]
    for name in ("dsp", "block_ram"):
        row.append(f"{getattr(expected.used, name)} of {getattr(counted, name)}")
    return tuple(row)


def _parts(each: Counted, expected: Estimate) -> str:
    rows: list[tuple[object, ...]] = [(each.name, "LUT", "FF", "DSP", "block RAM")]
    rows += [(name, *asdict(part).values()) for name, part in expected.parts.items()]
    return table(rows, "lrrrr")


if __name__ == "__main__":
    main()

"""``make bench`` and ``make bench CASE=outgoing``: runs the cases, prints a table, writes a JSON.
``make bench CASE=storm:200``: a case of its own at a size of one's own.

Each case starts what it needs. Ratios and counts are what to look at; absolute times are this machine's.
"""

import json
import logging
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.bench import carrying, growth, intake, latency, memory, pages, scaling, storms

Case = Callable[[Path], list[dict[str, object]]]
CASES: dict[str, Case] = {
    "intake": intake.intake,
    "outgoing": carrying.outgoing,
    "incoming": carrying.incoming,
    "cpu": carrying.cpu,
    "latency": latency.latency,
    "scale-out": scaling.scale_out,
    "memory": memory.memory,
    "pages": pages.pages,
}
LONG: dict[str, Case] = {"pages-full": pages.pages_full}  # by name only
SIZED: dict[str, Callable[[Path, int], list[dict[str, object]]]] = {  # by name only, as NAME or NAME:SIZE
    "storm": storms.storm,
    "storm-lifted": storms.storm_lifted,
    "growth": growth.growth,
}
SIZES = {
    "storm": 1_000,
    "storm-lifted": 20_000,
    "growth": 1_000_000,
}  # contacts; links, outcomes ten times as many


def main() -> None:
    """Run the named cases, or all."""
    logging.disable(logging.CRITICAL)
    names = sys.argv[1:] or list(CASES)
    cases = CASES | LONG | {name: _sized(name) for name in names if name.partition(":")[0] in SIZED}
    unknown = [name for name in names if name not in cases]
    if unknown:
        sys.exit(f"no case {unknown[0]}; there are {', '.join([*CASES, *LONG, *SIZED])}")
    rows: list[dict[str, object]] = []
    Path("var").mkdir(exist_ok=True)
    for name in names:
        began_s = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            found = cases[name](Path(folder))
        print(f"{name}: {time.monotonic() - began_s:.0f} s", flush=True)
        for row in found:
            print(f"  {row['what']:<34}", "  ".join(f"{k} {v}" for k, v in row.items() if k != "what"))
        rows += found
        Path("var/bench.json").write_text(json.dumps(rows, indent=2))
    print("written to var/bench.json")


def _sized(given: str) -> Case:
    name, _, size = given.partition(":")
    case, default = SIZED[name], SIZES[name]
    return lambda folder: case(folder, int(size or default))


if __name__ == "__main__":
    main()

"""The long run of the laws: random histories, one after the other, until the time is up.

    make soak MINUTES=30            python -m tests.proof.soak --minutes 30 --seed 1000

Prints a line per history; a history that breaks a law prints its seed and its steps and ends with status 1.
"""

import argparse
import logging
import tempfile
import time
from pathlib import Path

from tests.end_to_end.scene import scene
from tests.end_to_end.world import World


def history(seed: int, steps: int) -> int:
    """One random history; returns how many messages had an outcome. AssertionError where a law is broken."""
    with tempfile.TemporaryDirectory() as folder:
        with scene(Path(folder), ladder="0.2s,0.3s,0.5s,1s") as one:
            world = World(one, seed)
            world.begin()
            for _ in range(steps):
                world.step()
            world.finish()
            world.check()
            return sum(one.outcomes().values())


def main() -> None:
    """Run until the time is up."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--steps", type=int, default=60)
    options = parser.parse_args()
    logging.disable(logging.CRITICAL)
    end_s = time.monotonic() + options.minutes * 60
    seed, outcomes = options.seed, 0
    while time.monotonic() < end_s:
        try:
            outcomes += history(seed, options.steps)
        except AssertionError as error:
            print(f"history {seed} broke a law:\n{error}")
            raise SystemExit(1) from None
        seed += 1
        print(f"history {seed - 1} held; {seed - options.seed} histories, {outcomes} outcomes", flush=True)


if __name__ == "__main__":
    main()

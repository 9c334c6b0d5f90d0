"""The laws under random histories: a state machine here, the long run in tests/proof (``make soak``).

Kills need processes: ``tests/end_to_end/chaos.py`` drives those.
"""

import tempfile
from contextlib import ExitStack
from pathlib import Path

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from tests.end_to_end.scene import scene
from tests.end_to_end.world import STEPS, World


class Histories(RuleBasedStateMachine):
    """Random edits, merges, deletions, lost and doubled webhooks, faults and restarts; then the laws."""

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        self.world: World | None = None

    @initialize(seed=st.integers(1, 10**6))
    def begin(self, seed: int) -> None:
        """A fresh pair of platforms, two enabled instances, consumers at work."""
        folder = self.stack.enter_context(tempfile.TemporaryDirectory())
        one = self.stack.enter_context(scene(Path(folder), ladder="0.2s,0.3s,0.5s,1s"))
        self.world = World(one, seed)
        self.world.begin()

    @rule(name=st.sampled_from(STEPS))
    def step(self, name: str) -> None:
        """One thing happens; who it happens to comes from the seed."""
        assert self.world is not None
        self.world.step(name)

    def teardown(self) -> None:
        """Everything settles; the laws hold."""
        try:
            if self.world is not None:
                self.world.finish()
                self.world.check()
        finally:
            self.stack.close()


class TestHistories(Histories.TestCase):
    """A sample: a history takes some seconds, so a broken one is told with its steps and not made smaller."""

    settings = settings(
        max_examples=4,
        stateful_step_count=40,
        deadline=None,
        phases=(Phase.explicit, Phase.generate),
        suppress_health_check=list(HealthCheck),
        print_blob=True,
        database=None,
    )

"""HubSpot and Mainstay in miniature: real HTTP, real signatures, faults on demand.

For the demo and the tests. It imports nothing of Crosswalk's, so that it can disagree with it:
what it does follows the collected facts about the platforms, not our clients.
Start it with ``python -m sandbox hubspot|mainstay`` or ``with HubSpotSandbox().running() as server``.
"""

from sandbox.hubspot.sandbox import HubSpotSandbox
from sandbox.mainstay.sandbox import MainstaySandbox

__all__ = ["HubSpotSandbox", "MainstaySandbox"]

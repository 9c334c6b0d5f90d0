"""What is installed is what was pinned, and its licences are known."""

import re
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
LOCKS = sorted(ROOT.glob("requirements*.lock"))
FREE = re.compile(r"MIT|BSD|Apache|Python Software Foundation|PSF|ISC|MPL|Mozilla|LGPL|Lesser", re.IGNORECASE)


def pinned(lock: Path) -> dict[str, str]:
    """Name → version."""
    return dict(re.findall(r"^([a-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;\\]+)", lock.read_text(), re.MULTILINE))


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_everything_is_pinned_with_hashes_and_no_address(lock: Path) -> None:
    text = lock.read_text()
    entries = re.split(r"\n(?=[a-z0-9])", text.strip())
    assert len(pinned(lock)) == len(entries) >= 1
    assert all("--hash=sha256:" in entry for entry in entries)
    assert "://" not in text and "--index" not in text and "--trusted" not in text


def extras_pinned(lock: Path) -> dict[str, set[str]]:
    """Name → the extras that the lock pins it with."""
    found = re.findall(r"^([a-z0-9._-]+)(?:\[([^\]]*)\])?==", lock.read_text(), re.MULTILINE)
    return {name: set(extras.split(",")) - {""} for name, extras in found}


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock"])
def test_what_is_asked_for_with_extras_is_pinned_with_them(name: str) -> None:
    """pip before 23.3 (Python 3.11's own) takes the newest release of what is pinned without its extras, and
    then refuses it: a lock that lacks them breaks on the day of the next release."""
    extras = extras_pinned(ROOT / name)
    lacking = set()
    for one, own in extras.items():
        try:
            told = distribution(one).requires or []
        except PackageNotFoundError:
            continue  # for another system
        for asked in map(Requirement, told):
            canonical = re.sub(r"[-_.]+", "-", asked.name).lower()
            wanted = asked.marker is None or any(
                asked.marker.evaluate({"extra": extra}) for extra in own | {""}
            )
            if wanted and asked.extras - extras.get(canonical, set()):
                lacking.add(f"{one} wants {asked}")
    assert not lacking, sorted(lacking)


def licence(name: str) -> str:
    told = distribution(name).metadata
    classified = [line for line in told.get_all("Classifier") or [] if line.startswith("License")]
    return " ".join([told.get("License-Expression") or "", *classified, (told.get("License") or "")[:200]])


def test_every_licence_of_what_runs_is_one_that_we_know() -> None:
    runtime = pinned(ROOT / "requirements.lock")
    assert len(runtime) > 40
    unknown = {}
    for name in runtime:
        try:
            text = licence(name)
        except PackageNotFoundError:
            continue  # for another system, such as colorama
        if not FREE.search(text) or re.search(r"\bA?GPL", text.replace("LGPL", "")):
            unknown[name] = text
    assert not unknown, unknown


def test_urllib3_unpacks_within_bounds() -> None:
    from urllib3 import __version__

    assert tuple(map(int, __version__.split(".")[:3])) >= (2, 6, 3)
    assert '"urllib3>=2.6.3,<3"' in (ROOT / "pyproject.toml").read_text()

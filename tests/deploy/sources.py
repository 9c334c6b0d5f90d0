"""This state's sources in another folder, as a new clone would have them."""

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]


def unpack(folder: Path, version: str = "") -> None:
    """What git knows, uncommitted changes included. ``version`` takes the place of its own."""
    folder.mkdir(parents=True)
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=ROOT, capture_output=True, check=True).stdout
    pack = ["tar", "-c", "--null", "--ignore-failed-read", "-T", "-"]
    packed = subprocess.run(pack, cwd=ROOT, input=names, capture_output=True).stdout
    subprocess.run(["tar", "-x", "-C", str(folder)], input=packed, check=True)
    if version:
        project = folder / "pyproject.toml"
        project.write_text(re.sub(r'(?m)^version = ".*"', f'version = "{version}"', project.read_text()))

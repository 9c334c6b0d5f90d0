"""``python -m console.reference FOLDER``: writes the pages that are made from the code."""

import sys
from pathlib import Path

from console.reference import api, metrics, settings


def main(folder: Path) -> None:
    """Write all pages."""
    (folder / "settings.md").write_text(settings.page())
    (folder / "api.md").write_text(api.page(api.document()))
    (folder / "metrics.md").write_text(metrics.page())


if __name__ == "__main__":
    main(Path(sys.argv[1]))

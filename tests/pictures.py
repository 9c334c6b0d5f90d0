"""``make pictures``: the README's pictures, taken of the demo by a real browser.

Add a picture: a line in PICTURES, and the README shows it. Chromium is needed (``make browser``).
"""

import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright

from tests.browser.conftest import _ARGUMENTS, CHROMIUM
from tests.services.process import eventually, free_port

FOLDER = Path(__file__).parents[1] / "deploy" / "pictures"
SIZE = {"width": 1280, "height": 800}


def _hubspot(page: Page, console: str) -> None:
    page.goto(f"{console}/integrations/hubspot")


def _mapping(page: Page, console: str) -> None:
    _hubspot(page, console)
    page.get_by_role("link", name="hubspot-to-mainstay").first.click()
    page.get_by_role("button", name=re.compile("Edit")).first.click()
    page.goto(re.sub(r"/wizard/(\d+).*", r"/wizard/\1/mapping", page.url))


def _preview(page: Page, _: str) -> None:
    """Of the draft that ``_mapping`` has opened."""
    page.goto(page.url.replace("/mapping", "/preview"))


def _help(page: Page, console: str) -> None:
    page.goto(f"{console}/help/errors/crm-id-phone-conflict")


PICTURES: dict[str, Callable[[Page, str], None]] = {
    "instances": _hubspot,
    "mapping": _mapping,
    "preview": _preview,
    "error-help": _help,
}


def take(console: str, link: str) -> None:
    """All pictures, of a running demo."""
    FOLDER.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser: Any = playwright.chromium.launch(executable_path=CHROMIUM, args=_ARGUMENTS)
        page = browser.new_page(viewport=SIZE, color_scheme="light")
        page.goto(link)
        if page.get_by_role("button", name=re.compile("Sign in|Continue")).count():
            page.get_by_role("button", name=re.compile("Sign in|Continue")).first.click()
        for name, show in PICTURES.items():
            show(page, console)
            page.wait_for_load_state("networkidle")
            page.screenshot(path=FOLDER / f"{name}.png")
            print(FOLDER / f"{name}.png")
        browser.close()


def main() -> None:
    """Start the demo, wait until all is in sync, take the pictures."""
    port = free_port(4)
    with tempfile.TemporaryDirectory() as folder:
        said = Path(folder, "said")
        command = [sys.executable, "-m", "console", "demo", "--port", str(port), "--data", f"{folder}/demo"]
        with said.open("wb") as output:
            demo = subprocess.Popen(command, stdout=output, stderr=output)
        try:
            eventually(lambda: "What happens" in said.read_text(), within_s=120)
            link = re.search(r"http://\S+/sign-in/link/\S+", said.read_text())
            assert link, said.read_text()
            take(link[0].split("/sign-in/")[0], link[0])
        finally:
            demo.terminate()
            demo.wait(40)


if __name__ == "__main__":
    main()

"""Whatever can go wrong has its entry in the runbook, and every link of the pages leads somewhere."""

import re
from pathlib import Path

import yaml

from core.domain.alerts import Rule
from core.domain.codes import Code

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
RUNBOOK = (DEPLOY / "runbook.md").read_text()
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *DEPLOY.rglob("*.md")]
RULES = [
    rule
    for path in (DEPLOY / "prometheus").glob("*rules*.yaml")
    for group in yaml.safe_load(path.read_text())["groups"]
    for rule in group["rules"]
]


def anchor(heading: str) -> str:
    """As GitHub makes it: small letters, no punctuation, hyphens for spaces."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def anchors(page: Path) -> set[str]:
    return {anchor(one) for one in re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)}


def section(title: str) -> str:
    (found,) = re.findall(rf"^## {title}\n(.*?)(?=^## |\Z)", RUNBOOK, re.MULTILINE | re.DOTALL)
    return str(found)


def entries(title: str) -> dict[str, str]:
    return dict(re.findall(r"^### ([^\n]+)\n(.*?)(?=^### |\Z)", section(title), re.MULTILINE | re.DOTALL))


def test_every_alert_of_prometheus_has_its_entry_and_leads_to_it() -> None:
    names = [rule["alert"] for rule in RULES]
    assert len(names) == len(set(names))
    assert set(names) == set(entries("Alerts"))
    for rule in RULES:
        assert rule["annotations"]["runbook_url"] == f"deploy/runbook.md#{anchor(rule['alert'])}"


def test_every_alert_of_the_console_leads_to_an_entry() -> None:
    rows = dict(re.findall(r"^\| `([\w-]+)` \| (.+) \|$", section("Alerts"), re.MULTILINE))
    assert set(rows) == set(Rule)
    for row in rows.values():
        assert set(re.findall(r"\[(\w+)\]", row)) <= set(entries("Alerts"))


def test_every_code_has_its_entry() -> None:
    assert [one.strip("`") for one in entries("Codes")] == [str(code) for code in Code]


def test_every_entry_says_what_it_means_where_to_look_what_to_do_and_when_it_worked() -> None:
    for name, text in entries("Alerts").items():
        for part in ("*Means*: ", "*Look at*", "*Do*: ", "*Worked when*: "):
            assert part in text, (name, part)
    for name, text in entries("Codes").items():
        for part in ("Who acts: ", "Look at: ", "Do: ", "It worked when: "):
            assert part in text, (name, part)
    for name, text in entries("Situations").items():
        assert "*Do*:" in text or "| how |" in text, name
        assert "*Worked when*:" in text, name


def test_a_situation_that_an_entry_names_is_there() -> None:
    named = set(re.findall(r"\*([A-Z][a-z][a-z ]+)\*(?!:| below: *$)", section("Alerts"), re.MULTILINE))
    words = {"Look at", "Means", "Do", "Worked when"}
    assert named - words <= set(entries("Situations"))
    assert len(named - words) > 5, "the pattern finds them"


def test_every_page_and_heading_that_is_linked_to_is_there() -> None:
    broken = []
    for page in PAGES:
        for link, heading in re.findall(r"\]\(([^)#:\s]*)(?:#([^)\s]+))?\)", page.read_text()):
            aim = page.parent / link if link else page
            if not aim.exists() or (heading and aim.suffix == ".md" and heading not in anchors(aim)):
                broken.append(f"{page.name}: {link}#{heading}")
    assert broken == []
    for path in [*(ROOT / "console").rglob("*.*"), *DEPLOY.rglob("*.*")]:
        if path.suffix in (".py", ".html", ".md", ".yaml", ".yml", ".json"):
            wanted = set(re.findall(r"runbook\.md#([\w-]+)", path.read_text()))
            assert wanted <= anchors(DEPLOY / "runbook.md"), path

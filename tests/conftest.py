"""Which tests share a worker, where they run two at a time."""

import pytest

# Tests of these folders share a deployment or servers of their own that are slow to start.
TOGETHER = ("tests/integration/production/", "tests/integration/rabbitmq/", "tests/browser/")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A file's tests stay together, for what they share; a whole folder's where it shares more."""
    for item in items:
        file = item.nodeid.partition("::")[0]
        name = next((folder for folder in TOGETHER if file.startswith(folder)), file)
        item.add_marker(pytest.mark.xdist_group(name))

"""How tests are dealt out where several run at once."""

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

# What these directories' tests share for a whole session takes longer to make than most of the tests.
_WHOLE = ("tests/integration/app/",)


class Files(LoadScopeScheduling):  # type: ignore[misc]  # of a library without types
    """Each file goes to one process, and so does each directory of `_WHOLE`; those with most tests go first."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return next((directory for directory in _WHOLE if file.startswith(directory)), file)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Files:
    return Files(config, log)

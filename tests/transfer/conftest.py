from pathlib import Path

import pytest

from tests.transfer.library import Library


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(tmp_path)

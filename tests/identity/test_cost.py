"""What a password's hash costs where nobody has made it cheaper."""

import subprocess
import sys


def test_passwords_are_hashed_at_cost_twelve_and_no_setting_changes_that() -> None:
    told = subprocess.run(
        [sys.executable, "-c", "from genji_graphql.identity.passwords import hasher; print(hasher.hash('Abcdefg1'))"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout.startswith("$2b$12$")

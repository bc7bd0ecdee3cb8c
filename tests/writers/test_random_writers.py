"""Several people write at once whatever they like, and nothing is lost, doubled, half-written or out of its place.

`GENJI_WRITERS` says how many programs, for a long run.
"""

import os

from hypothesis import HealthCheck, Phase, given, settings

from tests.writers.invariants import complaints
from tests.writers.programs import Program, programs, run
from tests.writers.site import Room

PROGRAMS = int(os.environ.get("GENJI_WRITERS", "25"))

random_programs = settings(
    max_examples=PROGRAMS,
    # What happens at once doesn't happen twice the same way: there is nothing to shrink.
    phases=[Phase.generate],
    deadline=None,
    database=None,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
)


async def broken(room: Room, program: Program) -> list[str]:
    """What doesn't hold after the program."""
    await room.begin_anew()
    done = await run(room, program)
    return await complaints(room, done)


@random_programs
@given(program=programs())
async def test_whoever_writes_at_once_breaks_nothing(room: Room, program: Program) -> None:
    found = await broken(room, program)
    assert found == [], "\n".join(found)

"""Waiting until somebody waits: what happens at once is under way when it is seen to be, not after a while."""

import asyncio

from sqlalchemy.engine import URL

from tests.conftest import connect

BLOCKED = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


async def waiting_for_a_lock(url: URL) -> None:
    """Returns once somebody in this database waits for somebody else's lock."""
    watching = await connect(url)
    async with asyncio.timeout(30):
        while not await watching.fetchval(BLOCKED):  # noqa: ASYNC110 - it happens in the database
            await asyncio.sleep(0.01)
    await watching.close()

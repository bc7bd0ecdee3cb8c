"""What the server holds in memory while nobody asks it anything."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

from sqlalchemy.engine import URL

from benchmarks.databases import migrated

LIMIT = 150.0


async def measure(server: URL) -> bool:
    """True where the idle process stays under LIMIT megabytes (resident set size)."""
    async with migrated(server) as settings:
        url = settings.sqlalchemy_url.render_as_string(hide_password=False)
        process = await asyncio.create_subprocess_exec(
            Path(sys.executable).with_name("genji"),
            "run",
            "--port",
            "0",
            env=os.environ | {"DATABASE_URL": url},
            stdout=subprocess.PIPE,
        )
        assert process.stdout is not None
        await process.stdout.readline()
        await asyncio.sleep(1)
        resident = await _output("ps", "-o", "rss=", "-p", str(process.pid))
        process.terminate()
        await process.wait()
    megabytes = int(resident) / 1024
    print(f"memory: the idle server holds {megabytes:.0f} MB (at most {LIMIT:g})")
    return megabytes < LIMIT


async def _output(*command: str) -> str:
    process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
    output, _ = await process.communicate()
    return output.decode()

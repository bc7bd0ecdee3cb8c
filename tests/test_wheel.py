"""The built wheel stands alone: outside the checkout it migrates, and serves the demonstration and GraphiQL."""

import os
import signal
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from pathlib import Path
from zipfile import ZipFile

import httpx2
import pytest
from hatchling.build import build_wheel
from sqlalchemy.engine import URL

from genji_graphql.http.graphiql import STATIC
from tests.omissions import omit

CHECKOUT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel() -> Iterator[Path]:
    if not STATIC.exists():
        omit("GraphiQL, which Node builds,")
    with tempfile.TemporaryDirectory() as folder:
        before = Path.cwd()
        os.chdir(CHECKOUT)
        try:
            yield Path(folder) / build_wheel(folder)
        finally:
            os.chdir(before)


def test_it_holds_the_migrations_and_the_page(wheel: Path) -> None:
    names = ZipFile(wheel).namelist()

    assert "genji_graphql/_alembic/env.py" in names
    assert any(name.startswith("genji_graphql/_alembic/versions/") for name in names)
    assert "genji_graphql/http/static/index.html" in names
    assert not [name for name in names if "tests" in name or "node_modules" in name or name.endswith(".pyc")]


async def test_installed_elsewhere_it_migrates_and_serves(wheel: Path, empty_database: URL, tmp_path: Path) -> None:
    # The packages it depends on come from here; the checkout, which is installed by a .pth file, doesn't.
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv"], check=True)
    python = tmp_path / "venv" / "bin" / "python"
    site = Path(
        subprocess.check_output([python, "-c", "import site; print(site.getsitepackages()[0])"], text=True).strip()
    )
    ZipFile(wheel).extractall(site)
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    environment = os.environ | {"DATABASE_URL": empty_database.render_as_string(hide_password=False)}

    command = "import genji_graphql.cli as c; print(c.__file__, flush=True); c.main()"
    process = subprocess.Popen(
        [python, "-c", command, "run", "--demo", "--port", "0"],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert Path(process.stdout.readline().strip()).is_relative_to(site)
        address = next(line.split()[-1] for line in process.stdout if "http://" in line)
        counted = httpx2.post(address, json={"query": "{ collections { totalCount } }"}, timeout=60).json()
        assert counted["data"] == {"collections": {"totalCount": 2}}
        page = httpx2.get(address, headers={"Accept": "text/html"}, timeout=60)
        assert page.status_code == 200
        assert "/graphiql/" in page.text or "graphiql/" in page.text
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
        process.stdout and process.stdout.close()

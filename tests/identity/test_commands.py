"""`genji create-admin` and `genji reset-password`, run as an operator runs them."""

import os
import pty
import subprocess

import pytest
from sqlalchemy.engine import URL

from genji_graphql.errors import Invalid
from tests.command import GENJI, environment
from tests.identity.conftest import PASSWORD, Site

OTHER = "Another-word-2"


def genji(*arguments: str, url: URL, typed: str = f"{PASSWORD}\n") -> subprocess.CompletedProcess[str]:
    command = [str(GENJI), *arguments]
    return subprocess.run(command, env=environment(url), input=typed, capture_output=True, text=True, check=False)


async def test_an_administrator_is_created_and_can_sign_in(database: URL, site: Site) -> None:
    await site.register("somebody")

    ended = genji("create-admin", "keeper", "keeper@example.org", url=database)

    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout == "keeper can sign in as an administrator.\n"
    issued = await site.sign_in("keeper")
    assert (await site.viewer(issued.token)).is_administrator


@pytest.mark.parametrize(
    ("arguments", "typed", "complaint"),
    [
        (["murasaki", "new@example.org"], PASSWORD, "That user name is taken."),
        (["keeper", "MURASAKI@example.org"], PASSWORD, "There is an account with that e-mail address already."),
        (["k", "keeper@example.org"], PASSWORD, "The user name needs at least 3 characters."),
        (["keeper", "keeper"], PASSWORD, "That is not an e-mail address such as sei@example.org."),
        (["keeper", "keeper@example.org"], "weak", "The password needs 8 to 128 characters."),
        (["keeper", "keeper@example.org"], "", "The password needs 8 to 128 characters."),
    ],
)
async def test_an_administrator_that_cannot_be_created_is_explained(
    database: URL, site: Site, arguments: list[str], typed: str, complaint: str
) -> None:
    await site.register()

    ended = genji("create-admin", *arguments, url=database, typed=typed)

    assert (ended.returncode, ended.stdout, ended.stderr) == (1, "", f"{complaint}\n")
    assert await site.usernames() == {"murasaki"}


async def test_a_password_is_typed_twice_and_not_shown(database: URL, site: Site) -> None:
    outside, inside = pty.openpty()
    command = [str(GENJI), "create-admin", "keeper", "keeper@example.org"]
    with subprocess.Popen(
        command, env=environment(database), stdin=inside, stdout=inside, stderr=inside, start_new_session=True
    ) as process:
        os.close(inside)
        shown = b""
        for ending in (b"New password: ", b"Repeat for confirmation: "):
            while not shown.endswith(ending):
                shown += os.read(outside, 1000)
            os.write(outside, PASSWORD.encode() + b"\n")
        process.wait(30)
    os.close(outside)

    assert process.returncode == 0
    assert PASSWORD.encode() not in shown
    assert await site.sign_in("keeper")


async def test_a_password_is_replaced_and_whoever_was_in_is_out(database: URL, site: Site) -> None:
    await site.register()
    issued = await site.sign_in("murasaki")

    ended = genji("reset-password", "Murasaki@example.org", url=database, typed=f"{OTHER}\n")

    assert (ended.returncode, ended.stderr) == (0, "")
    assert (await site.viewer(issued.token)).is_anonymous
    assert await site.sign_in("murasaki", OTHER)
    with pytest.raises(Invalid):
        await site.sign_in("murasaki", PASSWORD)


async def test_a_link_is_printed_that_works_once(database: URL, site: Site) -> None:
    await site.register()

    ended = genji("reset-password", "murasaki", "--link", url=database, typed="")

    assert ended.returncode == 0
    link, token = ended.stdout.strip().split("#token=")
    assert link == "http://127.0.0.1:8000/reset-password"
    await site.reset(token, OTHER)
    assert await site.sign_in("murasaki", OTHER)


@pytest.mark.parametrize("how", [[], ["--link"]])
async def test_nobody_has_no_password_to_replace(database: URL, how: list[str]) -> None:
    ended = genji("reset-password", "nobody", *how, url=database)

    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == "There is no account of the name nobody.\n"

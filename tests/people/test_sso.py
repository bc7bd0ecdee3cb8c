"""Single sign-on as administrators set it up and as everybody else hears of it."""

from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from genji_graphql.access.viewer import ANONYMOUS
from genji_graphql.vocabulary import PermissionName
from tests.people.site import Site
from tests.service import Service
from tests.world import World

CONFIGURATION = "{ serverUrl enabled protocolVersion attributeMapping emailDomain }"
UPDATE = f"""
mutation($input: UpdateSsoConfigurationInput!) {{ updateSsoConfiguration(input: $input) {{
  ssoConfiguration {CONFIGURATION} errors {{ __typename code field }} }} }}
"""
TOLD = f"{{ ssoConfiguration {CONFIGURATION} siteSettings {{ ssoLoginUrl }} }}"


@pytest.fixture
def site(engine: AsyncEngine, world: World) -> Site:
    return Site(engine, world)


async def test_an_administrator_sets_it_up_and_everybody_is_told_where_to_go(service: Service, site: Site) -> None:
    administrator, pupil = (
        await site.viewer(await site.administrator()),
        await site.viewer(await site.person("student")),
    )
    asked = {"serverUrl": "https://CAS.example.org/cas", "attributeMapping": {"email": "mail"}}
    told = {
        "serverUrl": "https://cas.example.org/cas/",
        "enabled": True,
        "protocolVersion": 3,
        "attributeMapping": {"email": "mail"},
        "emailDomain": None,
    }

    made = (await service.ask(UPDATE, {"input": asked}, viewer=administrator))["updateSsoConfiguration"]

    assert made == {"ssoConfiguration": told, "errors": []}
    address = "https://cas.example.org/cas/login?service=http%3A%2F%2F127.0.0.1%3A8000%2Fsign-in"
    for viewer, configuration in ((administrator, told), (pupil, None), (ANONYMOUS, None)):
        heard = await service.ask(TOLD, viewer=viewer)
        assert heard == {"ssoConfiguration": configuration, "siteSettings": {"ssoLoginUrl": address}}


async def test_one_that_is_switched_off_sends_nobody_anywhere(service: Service, site: Site) -> None:
    administrator = await site.viewer(await site.administrator())
    assert (await service.ask(TOLD, viewer=administrator))["siteSettings"] == {"ssoLoginUrl": None}

    await service.ask(
        UPDATE, {"input": {"serverUrl": "https://cas.example.org", "enabled": False}}, viewer=administrator
    )

    heard = await service.ask(TOLD, viewer=administrator)
    assert heard["siteSettings"] == {"ssoLoginUrl": None}
    assert heard["ssoConfiguration"]["enabled"] is False


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"serverUrl": "http://cas.example.org"}, "serverUrl"),
        ({"serverUrl": "https://127.0.0.1/cas"}, "serverUrl"),
        ({"serverUrl": "https://name:secret@cas.example.org"}, "serverUrl"),
        ({"serverUrl": "cas"}, "serverUrl"),
        ({"protocolVersion": 1}, "protocolVersion"),
        ({"attributeMapping": {"roles": "memberOf"}}, "attributeMapping"),
        ({"attributeMapping": {"email": 1}}, "attributeMapping"),
        ({"attributeMapping": ["mail"]}, "attributeMapping"),
        ({"emailDomain": "not a domain"}, "emailDomain"),
    ],
)
async def test_what_cannot_be_one_is_refused(service: Service, site: Site, given: dict[str, Any], field: str) -> None:
    administrator = await site.viewer(await site.administrator())
    before = await site.contents()

    asked = {"serverUrl": "https://cas.example.org"} | given
    refused = (await service.ask(UPDATE, {"input": asked}, viewer=administrator))["updateSsoConfiguration"]

    assert refused == {
        "ssoConfiguration": None,
        "errors": [{"__typename": "ValidationError", "code": "INVALID", "field": field}],
    }
    assert await site.contents() == before


async def test_nobody_else_sets_it_up(service: Service, site: Site) -> None:
    every_other = await site.role("keeper", *(set(PermissionName) - {PermissionName.MANAGE_SSO}))
    keeper = await site.viewer(await site.person(every_other.name))
    before = await site.contents()

    denied = await service.ask(UPDATE, {"input": {"serverUrl": "https://cas.example.org"}}, viewer=keeper)

    (error,) = denied["updateSsoConfiguration"]["errors"]
    assert error["code"] == "FORBIDDEN"
    assert await site.contents() == before

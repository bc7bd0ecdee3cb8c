"""Through which server people sign in."""

from typing import Any

import strawberry

from genji_graphql.errors import Invalid, NotAllowed
from genji_graphql.identity import cas
from genji_graphql.schema.errors import Payload
from genji_graphql.schema.fields import Info
from genji_graphql.schema.filters import option
from genji_graphql.schema.mutation import mutation
from genji_graphql.schema.scalars import JSON
from genji_graphql.schema.sso import SsoConfiguration
from genji_graphql.vocabulary import PermissionName


@strawberry.input(description="Through which CAS server people sign in.")
class UpdateSsoConfigurationInput:
    server_url: str = strawberry.field(description="Its address, by https.")
    enabled: bool = strawberry.field(default=True, description="Do people sign in through it?")
    protocol_version: int = strawberry.field(default=3, description="The version of CAS that it speaks: 2 or 3.")
    attribute_mapping: JSON | None = option(
        "Which of its attributes is the `username`, `email`, `first_name` and `last_name`."
    )
    email_domain: str | None = option("The domain of addresses where it tells none.")


@strawberry.type(description="The configuration as it is now.")
class UpdateSsoConfigurationPayload(Payload):
    sso_configuration: SsoConfiguration | None = strawberry.field(default=None, description="The configuration.")


@mutation("Says through which CAS server people sign in. For administrators.")
async def update_sso_configuration(
    info: Info,
    input: UpdateSsoConfigurationInput,
) -> UpdateSsoConfigurationPayload:
    viewer = info.context.viewer
    if viewer.user_id is None or not viewer.may(PermissionName.MANAGE_SSO):
        raise NotAllowed("You may not set up single sign-on.")
    async with info.context.transaction() as session:
        row: Any = await cas.configure(
            session,
            info.context.services.settings,
            server_url=input.server_url,
            updated_by_id=viewer.user_id,
            enabled=input.enabled,
            protocol_version=input.protocol_version,
            attribute_mapping=_mapping(input.attribute_mapping),
            email_domain=input.email_domain or None,
        )
    return UpdateSsoConfigurationPayload(sso_configuration=row)


def _mapping(given: Any) -> dict[str, str]:
    mapping = given or {}
    if not isinstance(mapping, dict) or not all(isinstance(name, str) for name in mapping.values()):
        raise Invalid("The mapping is an object whose values are names of attributes.", field="attribute_mapping")
    return mapping


@strawberry.type
class SsoMutations:
    update_sso_configuration: UpdateSsoConfigurationPayload = update_sso_configuration

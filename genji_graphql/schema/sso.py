"""Single sign-on, as administrators see it."""

from datetime import datetime

import strawberry

from genji_graphql.schema.scalars import JSON


@strawberry.type(description="The CAS server that people sign in through.")
class SsoConfiguration:
    enabled: bool = strawberry.field(description="Do people sign in through it?")
    server_url: str = strawberry.field(description="Its address.")
    protocol_version: int = strawberry.field(description="The version of CAS that it speaks: 2 or 3.")
    attribute_mapping: JSON = strawberry.field(
        description="Which of its attributes is the `username`, `email`, `first_name` and `last_name`."
    )
    email_domain: str | None = strawberry.field(description="The domain of addresses where it tells none.")
    updated_at: datetime = strawberry.field(description="When this was last changed.")

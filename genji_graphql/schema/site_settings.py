"""How the site presents itself."""

from datetime import datetime

import strawberry

from genji_graphql.identity import cas
from genji_graphql.reads import graph
from genji_graphql.schema.fields import Info, to_one
from genji_graphql.schema.node import Row
from genji_graphql.schema.user import User
from genji_graphql.vocabulary import MetadataFieldType


@strawberry.type(description="One thing that is asked about each collection.")
class MetadataField:
    key: str = strawberry.field(description="Its key in `collectionMetadata`.")
    label: str = strawberry.field(description="What people are asked for.")
    required: bool = strawberry.field(description="Must it be filled in?")
    type: MetadataFieldType = strawberry.field(description="What it holds.")


@strawberry.type(description="How the site presents itself.")
class SiteSettings:
    site_title: str = strawberry.field(description="The title of the site.")
    site_logo_enabled: bool = strawberry.field(description="Is the logo shown?")
    site_logo_data: str | None = strawberry.field(description="The logo, in base64.")
    site_logo_mime_type: str | None = strawberry.field(description="The media type of the logo.")
    site_favicon_data: str | None = strawberry.field(description="The icon, in base64.")
    site_favicon_mime_type: str | None = strawberry.field(description="The media type of the icon.")
    updated_at: datetime | None = strawberry.field(description="When this was last changed; null where it never was.")
    updated_by: User | None = to_one(graph.settings_updated_by, "Who was the last to change this.")

    @strawberry.field(
        description="Where a browser goes to sign in through the site's CAS server, which sends it back to `/sign-in` "
        "with a `ticket`; null where single sign-on isn't set up."
    )
    async def sso_login_url(row: Row, info: Info) -> str | None:
        async with info.context.loaders.session() as session:
            configuration = await cas.enabled_configuration(session)
        return None if configuration is None else info.context.services.cas.login_url(configuration)

    @strawberry.field(description="What is asked about each collection, in this order.")
    def collection_metadata_schema(row: Row) -> list[MetadataField]:
        fields = row.collection_metadata_schema.decoded()
        return [MetadataField(**field | {"type": MetadataFieldType(field["type"])}) for field in fields]

"""How the site presents itself, and what is asked about each collection."""

from typing import Any

import strawberry
from strawberry import UNSET

from genji_graphql.errors import Invalid
from genji_graphql.schema.errors import Payload
from genji_graphql.schema.fields import Info
from genji_graphql.schema.filters import option, plain
from genji_graphql.schema.mutation import mutation
from genji_graphql.schema.site_settings import SiteSettings
from genji_graphql.vocabulary import MetadataFieldType
from genji_graphql.writes import site_settings


@strawberry.input(description="One thing that is asked about each collection.")
class MetadataFieldInput:
    key: str = strawberry.field(
        description="Its key in `collectionMetadata`: a letter, then up to 49 more letters, digits, `_` or `-`."
    )
    label: str = strawberry.field(description="What people are asked for, in 1 to 100 characters.")
    type: MetadataFieldType = strawberry.field(description="What it holds.")
    required: bool = strawberry.field(default=False, description="Must it be filled in?")


@strawberry.input(description="What changes; what is left out or null stays as it is.")
class UpdateSiteSettingsInput:
    site_title: str | None = option("The title, in 1 to 50 characters.")
    site_logo_enabled: bool | None = option("Is the logo shown?")
    collection_metadata_schema: list[MetadataFieldInput] | None = option(
        "All that is asked about each collection, at most 50 fields. An error names a field by its place in the list: "
        "`collectionMetadataSchema.0.key`."
    )


@strawberry.input(description="The new logo.")
class UploadSiteLogoInput:
    data: str | None = option(
        "A PNG or JPEG image in base64: up to 2 MB, at most 1200 pixels wide and 40 high. Null takes the logo away."
    )


@strawberry.input(description="The new icon.")
class UploadSiteFaviconInput:
    data: str | None = option(
        "A PNG or ICO image in base64: up to 500 kB, square, of 16 to 64 pixels. Null takes the icon away."
    )


@strawberry.type(description="The settings as they are now.")
class SiteSettingsPayload(Payload):
    site_settings: SiteSettings | None = strawberry.field(default=None, description="The settings.")


@mutation("Changes how the site presents itself. For administrators.")
async def update_site_settings(info: Info, input: UpdateSiteSettingsInput) -> SiteSettingsPayload:
    async with info.context.transaction() as session:
        row: Any = await site_settings.update_site_settings(session, info.context.viewer, **plain(input))
    return SiteSettingsPayload(site_settings=row)


@mutation("Replaces the logo of the site, or takes it away. For administrators.")
async def upload_site_logo(info: Info, input: UploadSiteLogoInput) -> SiteSettingsPayload:
    async with info.context.transaction() as session:
        row: Any = await site_settings.replace_site_logo(session, info.context.viewer, _given(input.data))
    return SiteSettingsPayload(site_settings=row)


@mutation("Replaces the icon of the site, or takes it away. For administrators.")
async def upload_site_favicon(info: Info, input: UploadSiteFaviconInput) -> SiteSettingsPayload:
    async with info.context.transaction() as session:
        row: Any = await site_settings.replace_site_favicon(session, info.context.viewer, _given(input.data))
    return SiteSettingsPayload(site_settings=row)


def _given(data: str | None) -> str | None:
    """An image that a client forgot to send isn't a wish to take the old one away."""
    if data is UNSET:
        raise Invalid("Send the image, or null to take it away.", field="data", code="REQUIRED")
    return data


@strawberry.type
class SiteSettingsMutations:
    update_site_settings: SiteSettingsPayload = update_site_settings
    upload_site_logo: SiteSettingsPayload = upload_site_logo
    upload_site_favicon: SiteSettingsPayload = upload_site_favicon

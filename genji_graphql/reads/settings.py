"""How the site presents itself."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from genji_graphql.database import Json
from genji_graphql.models import SiteSettings

DEFAULT_TITLE = "Genji"


async def site_settings(session: AsyncSession) -> SiteSettings:
    """The one row of settings, or what holds before somebody writes it."""
    row = await session.scalar(select(SiteSettings).order_by(SiteSettings.id).limit(1))
    return row or SiteSettings(site_title=DEFAULT_TITLE, site_logo_enabled=False, collection_metadata_schema=Json("[]"))

"""How the site presents itself, and what is asked about each collection: one row, which tells who changed it."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import func, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from genji_graphql.access.viewer import Viewer
from genji_graphql.errors import Invalid, NotAllowed
from genji_graphql.lines import line
from genji_graphql.models import SiteSettings
from genji_graphql.reads.settings import DEFAULT_TITLE
from genji_graphql.vocabulary import MetadataFieldType, PermissionName
from genji_graphql.writes import images
from genji_graphql.writes.images import MediaType, Size, Use

MAX_TITLE = 50
MAX_METADATA_FIELDS = 50
MAX_LABEL = 100

_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,49}", re.ASCII)


def _fits_the_header(size: Size) -> bool:
    width, height = size
    return 1 <= width <= 1200 and 1 <= height <= 40


def _is_an_icon(size: Size) -> bool:
    width, height = size
    return width == height and 16 <= width <= 64


LOGO = Use("logo", (MediaType.PNG, MediaType.JPEG), 2_000_000, _fits_the_header, "at most 1200 pixels wide and 40 high")
FAVICON = Use("favicon", (MediaType.PNG, MediaType.ICO), 500_000, _is_an_icon, "square, of 16 to 64 pixels")


async def update_site_settings(
    session: AsyncSession,
    viewer: Viewer,
    *,
    site_title: str | None = None,
    site_logo_enabled: bool | None = None,
    collection_metadata_schema: Sequence[Mapping[str, Any]] | None = None,
) -> SiteSettings:
    """Change what is given, and leave the rest as it is."""
    _check(viewer)
    changes: dict[str, Any] = {}
    if site_title is not None:
        changes["site_title"] = _line(site_title, MAX_TITLE, "site_title", "title")
    if site_logo_enabled is not None:
        changes["site_logo_enabled"] = site_logo_enabled
    if collection_metadata_schema is not None:
        changes["collection_metadata_schema"] = _metadata_schema(collection_metadata_schema)
    return await _write(session, viewer, changes)


async def replace_site_logo(session: AsyncSession, viewer: Viewer, data: str | None) -> SiteSettings:
    """Put this image, in base64, in the place of the logo; None takes the logo away."""
    _check(viewer)
    return await _write(session, viewer, _image("site_logo", data, LOGO))


async def replace_site_favicon(session: AsyncSession, viewer: Viewer, data: str | None) -> SiteSettings:
    """Put this image, in base64, in the place of the icon; None takes the icon away."""
    _check(viewer)
    return await _write(session, viewer, _image("site_favicon", data, FAVICON))


def _check(viewer: Viewer) -> None:
    if not viewer.may(PermissionName.MANAGE_SITE_SETTINGS):
        raise NotAllowed("You may not change the settings of the site.")


def _image(columns: str, data: str | None, use: Use) -> dict[str, Any]:
    image = None if data is None else images.read(data, use, "data")
    return {
        f"{columns}_data": image and image.base64,
        f"{columns}_mime_type": image and image.media_type.value,
    }


def _metadata_schema(given: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The fields as they are kept. An error names the field that is to blame by its place in the list."""
    whole = "collection_metadata_schema"
    if len(given) > MAX_METADATA_FIELDS:
        raise Invalid(f"There may be at most {MAX_METADATA_FIELDS} fields.", field=whole, code="TOO_MANY")
    fields: dict[str, dict[str, Any]] = {}
    for place, field in enumerate(given):
        key, path = field["key"], f"{whole}.{place}"
        if not _KEY.fullmatch(key):
            raise Invalid(
                "A key is a letter and at most 49 more letters, digits, _ or -, without accents.",
                field=f"{path}.key",
                code="INVALID_CHARACTERS",
            )
        if key in fields:
            raise Invalid(f"There is a field with the key {key} already.", field=f"{path}.key", code="TAKEN")
        fields[key] = {
            "key": key,
            "label": _line(field["label"], MAX_LABEL, f"{path}.label", "label"),
            "required": field["required"],
            "type": MetadataFieldType(field["type"]).value,
        }
    return list(fields.values())


def _line(given: str, most: int, field: str, called: str) -> str:
    text = line(given, most, field, called)
    if not text:
        raise Invalid(f"The {called} can't be empty.", field=field, code="TOO_SHORT")
    return text


async def _write(session: AsyncSession, viewer: Viewer, changes: dict[str, Any]) -> SiteSettings:
    """One statement that makes the row or changes it, so that two at once make one and lose nothing."""
    changes = changes | {"updated_by_id": viewer.user_id, "updated_at": func.now()}
    added = insert(SiteSettings).values({"site_title": DEFAULT_TITLE} | changes)
    written = added.on_conflict_do_update(index_elements=[text("(true)")], set_=changes).returning(SiteSettings)
    return (await session.scalars(written)).one()

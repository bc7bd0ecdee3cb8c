"""How the site presents itself: who may change it, what a logo must be, and what can be asked about a collection."""

import asyncio
import struct
from base64 import b64encode
from typing import Any
from zlib import compress, crc32

import pytest
from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from genji_graphql import migrations, models
from genji_graphql.access.viewer import ANONYMOUS, Viewer
from genji_graphql.database import create_engine
from genji_graphql.settings import Settings
from genji_graphql.vocabulary import PermissionName
from tests.service import Service
from tests.world import World

SETTINGS = """
  siteSettings {
    siteTitle siteLogoEnabled siteLogoData siteLogoMimeType siteFaviconData siteFaviconMimeType
    collectionMetadataSchema { key label required type } updatedBy { username } updatedAt
  }
"""
READ = f"{{ {SETTINGS} }}"
CHANGES = {
    "updateSiteSettings": "UpdateSiteSettingsInput",
    "uploadSiteLogo": "UploadSiteLogoInput",
    "uploadSiteFavicon": "UploadSiteFaviconInput",
}


async def changed(service: Service, mutation: str, viewer: Viewer, **given: Any) -> dict[str, Any]:
    """The payload of a mutation."""
    query = f"""
        mutation ($input: {CHANGES[mutation]}!) {{
          {mutation}(input: $input) {{ {SETTINGS} errors {{ __typename message code field }} }}
        }}
    """
    payload: dict[str, Any] = (await service.ask(query, {"input": given}, viewer=viewer))[mutation]
    return payload


async def refused(
    service: Service, mutation: str, viewer: Viewer, rows: AsyncEngine, **given: Any
) -> tuple[str, str | None]:
    """The code and field of the one error of a mutation that changed nothing."""
    before = await stored(rows)
    payload = await changed(service, mutation, viewer, **given)
    (error,) = payload["errors"]
    assert payload["siteSettings"] is None
    assert await stored(rows) == before
    return error["code"], error["field"]


async def stored(engine: AsyncEngine) -> list[Any]:
    async with engine.connect() as connection:
        return list((await connection.execute(select(models.SiteSettings.__table__))).all())


@pytest.fixture
async def administrator(world: World) -> Viewer:
    person = await world.person("murasaki")
    return Viewer(user_id=person.id, is_administrator=True, permissions=frozenset(PermissionName))


# Who and when


async def test_a_new_site_has_settings_that_nobody_has_changed(service: Service) -> None:
    assert (await service.ask(READ))["siteSettings"] == {
        "siteTitle": "Genji",
        "siteLogoEnabled": False,
        "siteLogoData": None,
        "siteLogoMimeType": None,
        "siteFaviconData": None,
        "siteFaviconMimeType": None,
        "collectionMetadataSchema": [],
        "updatedBy": None,
        "updatedAt": None,
    }


async def test_an_administrator_changes_what_they_name(service: Service, administrator: Viewer, world: World) -> None:
    first = await changed(service, "updateSiteSettings", administrator, siteTitle="  源氏物語  ")
    assert first["errors"] == []
    assert first["siteSettings"]["siteTitle"] == "源氏物語"
    assert first["siteSettings"]["updatedBy"] == {"username": "murasaki"}

    other = await world.person("sei")
    viewer = Viewer(user_id=other.id, permissions=frozenset({PermissionName.MANAGE_SITE_SETTINGS}))
    second = await changed(service, "updateSiteSettings", viewer, siteLogoEnabled=True, siteTitle=None)

    assert second["siteSettings"]["siteTitle"] == "源氏物語"
    assert second["siteSettings"]["siteLogoEnabled"] is True
    assert second["siteSettings"]["updatedBy"] == {"username": "sei"}
    assert second["siteSettings"]["updatedAt"] > first["siteSettings"]["updatedAt"]
    read = (await service.ask(READ))["siteSettings"]
    # Who it was is told to those who may see them.
    assert read == second["siteSettings"] | {"updatedBy": None}


@pytest.mark.parametrize("mutation", CHANGES)
async def test_only_who_may_manage_the_settings_changes_them(
    service: Service, world: World, engine: AsyncEngine, mutation: str
) -> None:
    person = await world.person()
    every_other = frozenset(PermissionName) - {PermissionName.MANAGE_SITE_SETTINGS}
    given = {"siteTitle": "Mine"} if mutation == "updateSiteSettings" else {"data": base64(png(16, 16))}

    for viewer in (ANONYMOUS, Viewer(user_id=person.id), Viewer(user_id=person.id, permissions=every_other)):
        assert await refused(service, mutation, viewer, engine, **given) == ("FORBIDDEN", None)


async def test_changes_at_once_make_one_row_and_lose_nothing(
    service: Service, administrator: Viewer, engine: AsyncEngine
) -> None:
    payloads = await asyncio.gather(
        *(
            change
            for title in ("One", "Two", "Three")
            for change in (
                changed(service, "updateSiteSettings", administrator, siteTitle=title),
                changed(service, "updateSiteSettings", administrator, siteLogoEnabled=True),
                changed(service, "uploadSiteFavicon", administrator, data=base64(png(16, 16))),
            )
        )
    )

    assert [payload["errors"] for payload in payloads] == [[]] * 9
    (row,) = await stored(engine)
    assert row.site_title in {"One", "Two", "Three"}
    assert row.site_logo_enabled is True
    assert row.site_favicon_mime_type == "image/png"


async def test_there_is_no_second_row(engine: AsyncEngine, administrator: Viewer, world: World) -> None:
    row = {"site_title": "Again", "updated_by_id": administrator.user_id}
    await world.run(insert(models.SiteSettings).values(row))

    with pytest.raises(IntegrityError, match="idx_site_settings_one_row"):
        await world.run(insert(models.SiteSettings).values(row))

    assert len(await stored(engine)) == 1


async def test_of_several_rows_the_one_that_was_shown_stays(
    engine: AsyncEngine, settings: Settings, administrator: Viewer
) -> None:
    table = "app.site_settings (site_title, site_logo_enabled, updated_by_id)"
    await migrations.downgrade(engine, settings, "a41c7e9d5b20-1")
    async with engine.begin() as connection:
        for title in ("Shown", "Hidden"):
            await connection.exec_driver_sql(f"INSERT INTO {table} VALUES ('{title}', true, {administrator.user_id})")

    again = create_engine(settings)  # what was prepared before a migration may not fit any more
    await migrations.upgrade(again, settings)

    assert [row.site_title for row in await stored(again)] == ["Shown"]
    await again.dispose()


# The title


TITLES = {
    "": "TOO_SHORT",
    " \t\n ": "TOO_SHORT",
    "x" * 51: "TOO_LONG",
    "x" * 1_000_000: "TOO_LONG",
    "a\u0301\u0323" * 500_000: "TOO_LONG",
    "Gen\nji": "INVALID_CHARACTERS",
    "Gen\x1bji": "INVALID_CHARACTERS",
    "Gen\u2028ji": "INVALID_CHARACTERS",
}


@pytest.mark.parametrize("title", TITLES, ids=lambda title: ascii(title[:8]))
async def test_a_title_is_one_line_of_1_to_50_characters(
    service: Service, administrator: Viewer, engine: AsyncEngine, title: str
) -> None:
    denied = await refused(service, "updateSiteSettings", administrator, engine, siteTitle=title)
    assert denied == (TITLES[title], "siteTitle")


@pytest.mark.parametrize(
    ("title", "kept"),
    [("x" * 50, "x" * 50), ("e\u0301" * 50, "é" * 50), ("می\u200cخواهم", "می\u200cخواهم"), ("㍻", "㍻")],
)
async def test_a_title_is_kept_as_it_was_written(
    service: Service, administrator: Viewer, title: str, kept: str
) -> None:
    payload = await changed(service, "updateSiteSettings", administrator, siteTitle=title)
    assert payload["siteSettings"]["siteTitle"] == kept


# What is asked about a collection


def field(key: str = "author", **more: Any) -> dict[str, Any]:
    return {"key": key, "label": "Author", "type": "TEXT"} | more


async def test_the_schema_of_metadata_is_kept_in_its_order(service: Service, administrator: Viewer) -> None:
    given = [
        field("z", label=" Author ", required=True),
        field("a", type="TEXTAREA"),
        field("b-1", type="LIST"),
        field("B_1", type="IMAGE"),
    ]

    payload = await changed(service, "updateSiteSettings", administrator, collectionMetadataSchema=given)

    kept = [{"required": False} | one | {"label": "Author"} for one in given]
    assert payload["errors"] == []
    assert payload["siteSettings"]["collectionMetadataSchema"] == kept
    assert (await service.ask(READ))["siteSettings"]["collectionMetadataSchema"] == kept
    other = await changed(service, "updateSiteSettings", administrator, siteLogoEnabled=True)
    assert other["siteSettings"]["collectionMetadataSchema"] == kept
    emptied = await changed(service, "updateSiteSettings", administrator, collectionMetadataSchema=[])
    assert emptied["siteSettings"]["collectionMetadataSchema"] == []


SCHEMAS: list[tuple[list[dict[str, Any]], str, str]] = [
    ([field(), field()], "TAKEN", "1.key"),
    ([field(), field("x"), field("")], "INVALID_CHARACTERS", "2.key"),
    ([field("1st")], "INVALID_CHARACTERS", "0.key"),
    ([field("two words")], "INVALID_CHARACTERS", "0.key"),
    ([field("auteur\n")], "INVALID_CHARACTERS", "0.key"),
    ([field("作者")], "INVALID_CHARACTERS", "0.key"),
    ([field("x" * 51)], "INVALID_CHARACTERS", "0.key"),
    ([field(label="")], "TOO_SHORT", "0.label"),
    ([field(), field("x", label="x" * 101)], "TOO_LONG", "1.label"),
    ([field(label="a\tb")], "INVALID_CHARACTERS", "0.label"),
]


@pytest.mark.parametrize(("given", "code", "path"), SCHEMAS)
async def test_a_field_that_is_wrong_is_named_by_its_place(
    service: Service, administrator: Viewer, engine: AsyncEngine, given: list[Any], code: str, path: str
) -> None:
    await changed(service, "updateSiteSettings", administrator, collectionMetadataSchema=[field("before")])

    denied = await refused(
        service, "updateSiteSettings", administrator, engine, siteTitle="New", collectionMetadataSchema=given
    )

    assert denied == (code, f"collectionMetadataSchema.{path}")


async def test_there_are_at_most_50_fields(service: Service, administrator: Viewer, engine: AsyncEngine) -> None:
    fields = [field(f"field{number}") for number in range(51)]

    denied = await refused(service, "updateSiteSettings", administrator, engine, collectionMetadataSchema=fields)
    payload = await changed(service, "updateSiteSettings", administrator, collectionMetadataSchema=fields[:50])

    assert denied == ("TOO_MANY", "collectionMetadataSchema")
    assert len(payload["siteSettings"]["collectionMetadataSchema"]) == 50


# Images


def base64(data: bytes) -> str:
    return b64encode(data).decode()


def png(width: int, height: int, more: bytes = b"") -> bytes:
    """A whole image, all black; its pixels are there only where they are few."""
    rows = compress((b"\0" + b"\0" * width) * height) if width * height < 100_000 else compress(b"")
    chunks = ((b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)), (b"IDAT", rows), (b"IEND", b""))
    written = [
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", crc32(kind + data)) for kind, data in chunks
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(written) + more


def jpeg(width: int, height: int, frame: int = 0xC0, before: bytes = b"") -> bytes:
    """As much of an image as tells its size."""
    start = b"\xff\xd8" + before + b"\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0"
    comment = b"\xff\xfe" + struct.pack(">H", 2 + 9) + b"\xff\xc0\0\x11\x08\0\1\0\1"
    header = b"\xff" + bytes([frame]) + struct.pack(">HBHHB", 11, 8, height, width, 1) + b"\1\x11\0"
    return start + comment + header + b"\xff\xda\0\x08\1\1\0\0\x3f\0" + b"\0" * 8 + b"\xff\xd9"


def bitmap(width: int, height: int) -> bytes:
    """An icon's bitmap."""
    return struct.pack("<IiiHHIIiiII", 40, width, 2 * height, 1, 32, 0, 0, 0, 0, 0, 0) + b"\0" * 4 * width * height


def ico(*images: bytes, side: int = 16) -> bytes:
    """An icon whose directory says that each image has this side."""
    place, directory = 6 + 16 * len(images), b""
    for image in images:
        directory += struct.pack("<BBBBHHII", side, side, 0, 0, 1, 32, len(image), place)
        place += len(image)
    return struct.pack("<HHH", 0, 1, len(images)) + directory + b"".join(images)


GOOD_LOGOS = {
    "small png": (png(1, 1), "image/png"),
    "large png": (png(1200, 40), "image/png"),
    "heavy png": (png(1200, 40, b"\0" * (2_000_000 - len(png(1200, 40)))), "image/png"),
    "jpeg": (jpeg(1200, 40), "image/jpeg"),
    "progressive jpeg": (jpeg(300, 40, 0xC2), "image/jpeg"),
}
BAD_LOGOS = {
    "too heavy": (png(1200, 40, b"\0" * (2_000_001 - len(png(1200, 40)))), "TOO_LARGE"),
    "much too heavy": (b"\0" * 2_800_000, "TOO_LARGE"),
    "too wide": (png(1201, 40), "WRONG_IMAGE_SIZE"),
    "too high": (png(1200, 41), "WRONG_IMAGE_SIZE"),
    "bomb": (png(100_000, 100_000), "WRONG_IMAGE_SIZE"),
    "largest": (png(2**31 - 1, 2**31 - 1), "WRONG_IMAGE_SIZE"),
    "without width": (png(0, 40), "WRONG_IMAGE_SIZE"),
    "jpeg too wide": (jpeg(1201, 40), "WRONG_IMAGE_SIZE"),
    "jpeg too high": (jpeg(1200, 41, 0xC2), "WRONG_IMAGE_SIZE"),
    "jpeg without height": (jpeg(1200, 0), "WRONG_IMAGE_SIZE"),
    "jpeg that begins with a scan": (jpeg(300, 40, before=b"\xff\xda\0\2"), "UNKNOWN_IMAGE_TYPE"),
    "jpeg of many segments": (jpeg(300, 40, before=b"\xff\xfe\0\2" * 100_000), "UNKNOWN_IMAGE_TYPE"),
    "lossless jpeg": (jpeg(300, 40, 0xC3), "UNKNOWN_IMAGE_TYPE"),
    "half a png": (png(16, 16)[:20], "UNKNOWN_IMAGE_TYPE"),
    "half a jpeg": (jpeg(16, 16)[:40], "UNKNOWN_IMAGE_TYPE"),
    "png without its header": (png(16, 16).replace(b"IHDR", b"sRGB"), "UNKNOWN_IMAGE_TYPE"),
    "icon": (ico(bitmap(16, 16)), "UNKNOWN_IMAGE_TYPE"),
    "gif": (b"GIF89a\x10\0\x10\0\0\0\0;", "UNKNOWN_IMAGE_TYPE"),
    "svg": (b'<svg xmlns="http://www.w3.org/2000/svg" width="16" height="16"/>', "UNKNOWN_IMAGE_TYPE"),
    "html": (b"<script>alert(1)</script>", "UNKNOWN_IMAGE_TYPE"),
    "nothing": (b"", "UNKNOWN_IMAGE_TYPE"),
}
GOOD_FAVICONS = {
    "small png": (png(16, 16), "image/png"),
    "large png": (png(64, 64), "image/png"),
    "icon": (ico(bitmap(16, 16), bitmap(32, 32), png(64, 64)), "image/x-icon"),
    "heavy png": (png(32, 32, b"\0" * (500_000 - len(png(32, 32)))), "image/png"),
}
BAD_FAVICONS = {
    "too heavy": (png(32, 32, b"\0" * (500_001 - len(png(32, 32)))), "TOO_LARGE"),
    "too small": (png(15, 15), "WRONG_IMAGE_SIZE"),
    "too large": (png(65, 65), "WRONG_IMAGE_SIZE"),
    "not square": (png(32, 33), "WRONG_IMAGE_SIZE"),
    "bomb in an icon": (ico(bitmap(16, 16), png(30_000, 30_000)), "WRONG_IMAGE_SIZE"),
    "bitmap larger than its directory says": (ico(bitmap(200, 200)), "WRONG_IMAGE_SIZE"),
    "bitmap of negative size": (
        ico(bitmap(32, 32).replace(struct.pack("<i", 32), struct.pack("<i", -32))),
        "WRONG_IMAGE_SIZE",
    ),
    "icon of nothing": (ico(), "UNKNOWN_IMAGE_TYPE"),
    "icon of too many": (ico(*[bitmap(16, 16)] * 51), "UNKNOWN_IMAGE_TYPE"),
    "icon that is cut": (ico(bitmap(16, 16))[:-1], "UNKNOWN_IMAGE_TYPE"),
    "cursor": (b"\0\0\2\0" + ico(bitmap(16, 16))[4:], "UNKNOWN_IMAGE_TYPE"),
    "icon of text": (ico(b"<script>alert(1)</script>"), "UNKNOWN_IMAGE_TYPE"),
    "jpeg": (jpeg(16, 16), "UNKNOWN_IMAGE_TYPE"),
}


@pytest.mark.parametrize("name", GOOD_LOGOS)
async def test_a_logo_is_kept_with_the_type_that_its_bytes_tell(
    service: Service, administrator: Viewer, name: str
) -> None:
    data, media_type = GOOD_LOGOS[name]

    payload = await changed(service, "uploadSiteLogo", administrator, data=base64(data))

    assert payload["errors"] == []
    assert payload["siteSettings"]["siteLogoData"] == base64(data)
    assert payload["siteSettings"]["siteLogoMimeType"] == media_type
    assert payload["siteSettings"]["siteFaviconData"] is None
    assert payload["siteSettings"]["siteTitle"] == "Genji"


@pytest.mark.parametrize("name", GOOD_FAVICONS)
async def test_an_icon_is_kept_with_the_type_that_its_bytes_tell(
    service: Service, administrator: Viewer, name: str
) -> None:
    data, media_type = GOOD_FAVICONS[name]

    payload = await changed(service, "uploadSiteFavicon", administrator, data=base64(data))

    assert payload["errors"] == []
    assert payload["siteSettings"]["siteFaviconData"] == base64(data)
    assert payload["siteSettings"]["siteFaviconMimeType"] == media_type
    assert payload["siteSettings"]["siteLogoData"] is None


async def test_a_logo_that_is_not_one_changes_nothing(
    service: Service, administrator: Viewer, engine: AsyncEngine
) -> None:
    await changed(service, "uploadSiteLogo", administrator, data=base64(png(300, 40)))
    for name, (data, code) in BAD_LOGOS.items():
        denied = await refused(service, "uploadSiteLogo", administrator, engine, data=base64(data))
        assert denied == (code, "data"), name


async def test_an_icon_that_is_not_one_changes_nothing(
    service: Service, administrator: Viewer, engine: AsyncEngine
) -> None:
    await changed(service, "uploadSiteFavicon", administrator, data=base64(png(32, 32)))
    for name, (data, code) in BAD_FAVICONS.items():
        denied = await refused(service, "uploadSiteFavicon", administrator, engine, data=base64(data))
        assert denied == (code, "data"), name


@pytest.mark.parametrize("data", ["%", "YQ", "YQ==\n", "data:image/png;base64,YQ==", "ＹＱ==", "_-8="])
async def test_an_image_is_sent_in_base64(
    service: Service, administrator: Viewer, engine: AsyncEngine, data: str
) -> None:
    for mutation in ("uploadSiteLogo", "uploadSiteFavicon"):
        denied = await refused(service, mutation, administrator, engine, data=data)
        assert denied == ("INVALID_BASE64", "data")


async def test_null_takes_an_image_away_and_leaving_it_out_does_not(
    service: Service, administrator: Viewer, engine: AsyncEngine
) -> None:
    for mutation, kind in (("uploadSiteLogo", "siteLogo"), ("uploadSiteFavicon", "siteFavicon")):
        await changed(service, mutation, administrator, data=base64(png(32, 32)))

        assert await refused(service, mutation, administrator, engine) == ("REQUIRED", "data")
        payload = await changed(service, mutation, administrator, data=None)

        assert payload["errors"] == []
        assert payload["siteSettings"][f"{kind}Data"] is None
        assert payload["siteSettings"][f"{kind}MimeType"] is None

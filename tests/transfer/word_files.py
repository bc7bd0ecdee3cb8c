"""Word documents for the tests: made with python-docx, or by hand where it can't."""

from collections.abc import Callable, Mapping
from io import BytesIO
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

import docx

W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
W14 = "http://schemas.microsoft.com/office/word/2010/wordml"
MC = "http://schemas.openxmlformats.org/markup-compatibility/2006"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_NAMESPACES = f'xmlns:w="{W}" xmlns:w14="{W14}" xmlns:mc="{MC}"'

Parts = Mapping[str, str | bytes]


def made(build: Callable[[Any], object]) -> bytes:
    """What python-docx writes after something was done to its empty document."""
    document = docx.Document()
    build(document)
    file = BytesIO()
    document.save(file)
    return file.getvalue()


def by_hand(body: str, **parts: str) -> bytes:
    """A document of this body; `styles`, `numbering`, `footnotes`, `endnotes` are what stands within their roots, and
    `core` what stands within the core properties."""
    return packed(parts_by_hand(body, **parts))


def parts_by_hand(body: str, **parts: str) -> dict[str, str | bytes]:
    core = parts.pop("core", "")
    related = "".join(f'<Relationship Id="{name}" Type="{_OFFICE}/{name}" Target="{name}.xml"/>' for name in parts)
    return {
        "_rels/.rels": _relationships(
            f'<Relationship Id="a" Type="{_OFFICE}/officeDocument" Target="word/document.xml"/>'
            f'<Relationship Id="b" Type="{_PACKAGE}/relationships/metadata/core-properties" Target="core.xml"/>'
        ),
        "core.xml": f'<p xmlns:dc="http://purl.org/dc/elements/1.1/">{core}</p>',
        "word/document.xml": f"<w:document {_NAMESPACES}><w:body>{body}</w:body></w:document>",
        "word/_rels/document.xml.rels": _relationships(related),
        **{f"word/{name}.xml": f"<w:{name} {_NAMESPACES}>{part}</w:{name}>" for name, part in parts.items()},
    }


def packed(parts: Parts, compression: int = ZIP_DEFLATED) -> bytes:
    file = BytesIO()
    with ZipFile(file, "w", compression) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return file.getvalue()


def paragraph(text: str, properties: str = "", paragraph_id: str = "") -> str:
    named = f' w14:paraId="{paragraph_id}"' if paragraph_id else ""
    return f"<w:p{named}><w:pPr>{properties}</w:pPr>{run(text)}</w:p>"


def run(text: str, properties: str = "") -> str:
    return f'<w:r><w:rPr>{properties}</w:rPr><w:t xml:space="preserve">{text}</w:t></w:r>'


def _relationships(each: str) -> str:
    return f'<Relationships xmlns="{_PACKAGE}/relationships">{each}</Relationships>'

"""HTML in bodies, of which only what can do no harm is kept.

Cleaned where it comes in, so that whoever shows it later, an export or an old client too, is as safe.
"""

import re

from nh3 import Cleaner

from genji_graphql.reads.web_annotation import JsonValue
from genji_graphql.web_annotation.terms import several

_BLOCKS = {
    "address", "article", "aside", "blockquote", "br", "caption", "col", "colgroup", "dd", "details", "div", "dl", "dt",
    "figcaption", "figure", "footer", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "li", "ol", "p", "pre",
    "section", "summary", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "ul",
}  # fmt: skip
_INLINES = {
    "a", "abbr", "b", "bdi", "bdo", "cite", "code", "data", "del", "dfn", "em", "i", "img", "ins", "kbd", "mark", "q",
    "rb", "rp", "rt", "rtc", "ruby", "s", "samp", "small", "span", "strong", "sub", "sup", "time", "u", "var", "wbr",
}  # fmt: skip
_ATTRIBUTES = {
    "*": {"lang", "dir", "title"},
    "a": {"href", "hreflang"},
    "img": {"src", "alt", "width", "height"},
    "blockquote": {"cite"},
    "q": {"cite"},
    "del": {"cite", "datetime"},
    "ins": {"cite", "datetime"},
    "time": {"datetime"},
    "data": {"value"},
    "ol": {"start", "reversed", "type"},
    "td": {"colspan", "rowspan", "headers"},
    "th": {"colspan", "rowspan", "headers", "scope"},
    "col": {"span"},
    "colgroup": {"span"},
}
# Relative addresses would mean something else on every page that shows them, so they are no addresses here.
_ADDRESSES = {
    "href": re.compile(r"(?:https?://|mailto:)", re.IGNORECASE),
    "src": re.compile(r"https?://", re.IGNORECASE),
    "cite": re.compile(r"https?://", re.IGNORECASE),
}
_HTML = frozenset({"text/html", "application/xhtml+xml"})


def _attribute(_tag: str, name: str, value: str) -> str | None:
    address = _ADDRESSES.get(name)
    return value if address is None or address.match(value) else None


_CLEANER = Cleaner(
    tags=_BLOCKS | _INLINES,
    clean_content_tags={"script", "style"},
    attributes=_ATTRIBUTES,
    attribute_filter=_attribute,
    link_rel="nofollow noopener noreferrer",
    url_schemes={"http", "https", "mailto"},
    url_relative="deny",
)


def sanitised(value: JsonValue) -> JsonValue:
    """The same JSON, but the `value` of every object whose `format` is HTML, at any depth, has only harmless HTML.

    Web Annotation Data Model, section 3.2.4. Expects JSON that isn't nested without end, such as `check` lets in.
    """
    if isinstance(value, list):
        return [sanitised(item) for item in value]
    if not isinstance(value, dict):
        return value
    inside = {name: sanitised(item) for name, item in value.items()}
    if isinstance(inside.get("value"), str) and _is_html(inside):
        inside["value"] = _CLEANER.clean(inside["value"])
    return inside


def _is_html(body: dict[str, JsonValue]) -> bool:
    """Is any of its formats HTML, with or without parameters such as `charset`?"""
    formats = (each for each in several(body.get("format")) if isinstance(each, str))
    return any(each.partition(";")[0].strip().lower() in _HTML for each in formats)

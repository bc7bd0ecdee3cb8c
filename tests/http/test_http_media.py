"""Media types, as RFC 9110 weighs them."""

import pytest

from genji_graphql.http import media

OFFERED = (media.JSON, media.GRAPHQL_RESPONSE, media.HTML)


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("", media.JSON),
        ("text/html, application/xhtml+xml, */*;q=0.8", media.HTML),
        ("*/*;q=0.8, text/html", media.HTML),
        ("text/*", media.HTML),
        ("text/html;q=0.4, application/*;q=0.5", media.JSON),
        ("text/html;q=0, text/*;q=0", None),
        ("application/json;q=0.2, application/*", media.GRAPHQL_RESPONSE),
        ("application/json;q=0.2, text/html;q=0.1", media.JSON),
        (" , ,text/html", media.HTML),
        ("text/html;q=1.1", None),
        ("text/html;q=", None),
        (";;;", None),
    ],
)
def test_the_most_exact_range_speaks_for_a_type(accept: str, expected: str | None) -> None:
    assert media.preferred(accept, OFFERED) == expected


def test_a_long_header_is_weighed_in_passing() -> None:
    assert media.preferred(",".join(["a/b;q=0.1"] * 50_000 + ["text/html"]), OFFERED) == media.HTML

"""HTML in bodies: what says something stays, what does something goes."""

from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genji_graphql.web_annotation.html import sanitised
from genji_graphql.web_annotation.reading import read
from tests.web_annotation.examples import BASE, annotation


def html(value: str, format_: Any = "text/html") -> str:
    cleaned: str = sanitised({"type": "TextualBody", "format": format_, "value": value})["value"]
    return cleaned


@pytest.mark.parametrize(
    "kept",
    [
        "",
        "plain",
        "a &lt; b &amp; c",
        '<p lang="ja" dir="rtl">源氏<ruby>物語<rt>ものがたり</rt></ruby></p>',
        "<h2>On rank</h2><ul><li><em>a</em></li><li><strong>b</strong></li></ul>",
        "<blockquote>so<br>it is</blockquote><pre><code>x</code></pre>",
        '<table><tbody><tr><td colspan="2">1</td></tr></tbody></table>',
        '<img src="https://media.example/scroll.png" alt="A scroll">',
        '<a href="https://library.example/" rel="nofollow noopener noreferrer">the text</a>',
        '<a href="mailto:a@b.example" rel="nofollow noopener noreferrer">me</a>',
    ],
)
def test_what_says_something_stays(kept: str) -> None:
    assert html(kept) == kept


ATTACKS = [
    "<script>alert(1)</script>",
    "<ScRiPt src=//evil.example></ScRiPt>",
    "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "<img src=x onerror=alert(1)>",
    "<img src='https://a.example/b.png' onload='alert(1)'>",
    "<img src='javascript:alert(1)'>",
    "<img src='data:image/svg+xml,<svg onload=alert(1)>'>",
    "<img src='mailto:a@b.example'>",
    "<img src='//evil.example/x.png'>",
    "<img srcset='https://evil.example/x.png 1x' src='/x'>",
    "<a href='javascript:alert(1)'>x</a>",
    "<a href='JaVaScRiPt:alert(1)'>x</a>",
    "<a href='java&#10;script:alert(1)'>x</a>",
    "<a href='&#106;avascript:alert(1)'>x</a>",
    "<a href=' javascript:alert(1)'>x</a>",
    "<a href='data:text/html,<script>alert(1)</script>'>x</a>",
    "<a href='vbscript:x'>x</a>",
    "<a href='//evil.example'>x</a>",
    "<a href='https://a.example' target='_blank' onclick='alert(1)' ping='https://evil.example'>x</a>",
    "<q cite='javascript:alert(1)'>x</q>",
    "<p style='background:url(javascript:alert(1))'>x</p>",
    "<style>* { display: none }</style>",
    "<svg onload=alert(1)><script>alert(1)</script></svg>",
    "<svg><a xlink:href='javascript:alert(1)'><text>x</text></a></svg>",
    "<math><mtext></mtext><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 onerror=alert(1)&gt;'></math>",
    "<iframe src='https://evil.example'></iframe>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<object data='https://evil.example'></object><embed src='https://evil.example'>",
    "<form action='https://evil.example'><input name='password'><button formaction='javascript:x'>x</button></form>",
    "<base href='https://evil.example/'>",
    "<link rel='stylesheet' href='https://evil.example'>",
    "<meta http-equiv='refresh' content='0;url=https://evil.example'>",
    "<body onload=alert(1)>x</body>",
    "<details open ontoggle=alert(1)>x</details>",
    "<p id='login' name='login' class='dialog'>x</p>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'></noscript>",
    "<!--><script>alert(1)</script>-->",
    "<template><script>alert(1)</script></template>",
    "<textarea></textarea><script>alert(1)</script>",
    "<xmp><script>alert(1)</script></xmp>",
]
HARMLESS = {
    "lang", "dir", "title", "href", "src", "cite", "alt", "rel", "colspan", "rowspan", "start", "datetime", "width",
}  # fmt: skip
HARMFUL = {
    "script", "style", "svg", "math", "iframe", "object", "embed", "form", "input", "button", "base", "link", "meta",
    "body", "noscript", "template", "textarea", "xmp", "mglyph", "mtext", "text",
}  # fmt: skip


class Tags(HTMLParser):
    """All tags of a text, each with its attributes, as a browser would find them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def assert_harmless(cleaned: str) -> None:
    for tag, attributes in Tags(cleaned).found:
        assert tag not in HARMFUL
        assert attributes.keys() <= HARMLESS
        assert (attributes.get("href") or "https://").startswith(("http://", "https://", "mailto:"))
        for name in ("src", "cite"):
            assert (attributes.get(name) or "https://").startswith(("http://", "https://"))
        assert tag != "a" or attributes["rel"] == "nofollow noopener noreferrer"


@pytest.mark.parametrize("attack", ATTACKS)
def test_what_does_something_goes(attack: str) -> None:
    cleaned = html(f"<p>before</p>{attack}<p>after</p>")
    assert cleaned.startswith("<p>before</p>")
    assert_harmless(cleaned)


@pytest.mark.parametrize("attack", ATTACKS)
def test_what_is_clean_stays_clean(attack: str) -> None:
    assert html(html(attack)) == html(attack)


@given(
    st.lists(st.sampled_from([*ATTACKS, "<", ">", "'", '"', "&", "<p", "</p>", "<a ", "<!--", "x", "\n"]), max_size=8)
)
@settings(deadline=None)
def test_no_two_attacks_together_get_through(parts: list[str]) -> None:
    cleaned = html("".join(parts))
    assert_harmless(cleaned)
    assert html(cleaned) == cleaned


@pytest.mark.parametrize(
    "format_",
    ["text/html", "TEXT/HTML", "text/html; charset=utf-8", " text/html ", "application/xhtml+xml", ["a", "text/html"]],
)
def test_html_goes_by_several_names(format_: Any) -> None:
    assert html("<b onclick=x>a</b><script>1</script>", format_) == "<b>a</b>"


@pytest.mark.parametrize("format_", [None, "text/plain", "text/markdown", [], 5, "text/htm"])
def test_plain_text_is_left_alone(format_: Any) -> None:
    assert html("a < b <script>1</script>", format_) == "a < b <script>1</script>"


def test_bodies_are_found_at_any_depth() -> None:
    bad = {"type": "TextualBody", "format": "text/html", "value": "<i>a</i><script>1</script>"}
    good = {**bad, "value": "<i>a</i>"}
    choice = {"type": "Choice", "items": [bad, {"type": "Choice", "items": [bad, "urn:x:1"]}]}
    clean = {"type": "Choice", "items": [good, {"type": "Choice", "items": [good, "urn:x:1"]}]}
    assert sanitised([choice, bad]) == [clean, good]
    assert sanitised({"source": bad, "x": 1}) == {"source": good, "x": 1}


def test_what_is_no_body_is_left_alone() -> None:
    nothing: list[Any] = [None, 5, "<script>", [], {"format": "text/html"}, {"format": "text/html", "value": 5}]
    for value in nothing:
        assert sanitised(value) == value


def test_reading_cleans() -> None:
    bad = {"type": "TextualBody", "format": "text/html", "value": "<i>a</i><script>1</script>"}
    parsed = read(annotation(body=[bad], target=[bad]), BASE)
    assert parsed.body[0]["value"] == parsed.target[0]["value"] == "<i>a</i>"
    assert bad["value"].endswith("</script>")

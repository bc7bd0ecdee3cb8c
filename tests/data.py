"""The real texts that some tests read; they stand beside the checkout and are no part of it."""

from pathlib import Path

from tests.omissions import omit

DATA = Path(__file__).parents[2] / "shared" / "data"


def genji() -> list[Path]:
    """The 54 chapters of the Tale of Genji, in TEI."""
    return sorted(_there(DATA / "genji-tei").glob("*.xml"))


def moby_dick() -> Path:
    """Moby-Dick, as plain text."""
    return _there(DATA / "moby-dick" / "moby-dick.txt")


def genji_revisions() -> Path:
    """Each line of the Tale of Genji in an older and a newer edition, as JSON, compressed."""
    return _there(DATA / "genji-revisions" / "pairs.jsonl.gz")


def _there(path: Path) -> Path:
    if not path.exists():
        omit("the real texts")
    return path

"""What it costs the server to say no: documents of 100 kB that are made to be dear."""

from collections.abc import Callable, Iterator

from benchmarks.serving.contestants import Running, post
from benchmarks.stopped import Stopped

SIZE = 100_000
TIMES = 20

Document = Callable[[int], str]
"""A document by its number: each is another one, so that none is remembered."""


def _spread(number: int) -> str:
    """Fragments of which each spreads the next one twice: written out, they would have no end."""
    chain = "".join(f"fragment F{link} on Query {{ ...F{link + 1} ...F{link + 1} }} " for link in range(130))
    return f"{{ q{number}: __typename ...F0 }} {chain} fragment F130 on Query {{ __typename }}"


def _circles(number: int) -> str:
    chain = "".join(f"fragment F{link} on Query {{ ...F{(link + 1) % 150} }} " for link in range(150))
    return f"{{ q{number}: __typename ...F0 }} {chain}"


def _overlapping(number: int) -> str:
    """Fields that all have to be compared with each other."""
    fields = " ".join(f"a{place % 7}: documents(first: {place + 1}) {{ totalCount }}" for place in range(95))
    return f"query Q{number} {{ collections {{ nodes {{ {fields} }} }} }}"


def _unknown_fields(number: int) -> str:
    fields = " ".join(f"titel{place}_{number}{'x' * 480}" for place in range(190))
    return f"{{ collections {{ nodes {{ {fields} }} }} }}"


def _overlapping_deep(number: int) -> str:
    nodes = "nodes { " * 20 + "id" + " }" * 20
    fields = " ".join(f"collections(first: {place + 1}) {{ {nodes} }}" for place in range(20))
    return f"query Q{number} {{ {fields} }}"


def _too_dear(number: int) -> str:
    """One that is right in all but its price."""
    return f"""query Q{number} {{ collections(first: 100) {{ nodes {{ documents(first: 100) {{ nodes {{
        elements(first: 100) {{ nodes {{ annotations(first: 100) {{ nodes {{ replies(first: 100) {{ nodes {{
        creator {{ displayName }} }} }} }} }} }} }} }} }} }} }} }}"""


def _values(number: int) -> str:
    ids = " ".join(f'"{place}{number}"' for place in range(1400))
    return f"{{ nodes(ids: [{ids}]) {{ id }} }}"


DOCUMENTS: dict[str, Document] = {
    "20,000 braces": lambda number: f"query Q{number} " + "{ a " * 20_000,
    "3,000 aliases": lambda number: "{ " + " ".join(f"a{place}_{number}: __typename" for place in range(3000)) + " }",
    "10,000 directives": lambda number: f"{{ q{number}: __typename " + "@skip(if: false) " * 10_000 + "}",
    "fragments that fan out": _spread,
    "fragments in a circle": _circles,
    "unknown fragments": lambda number: "{ " + " ".join(f"...F{place}_{number}" for place in range(700)) + " }",
    "unknown fields of long names": _unknown_fields,
    "overlapping fields": _overlapping,
    "overlapping fields, deep": _overlapping_deep,
    "nested lists and objects": lambda number: f"query Q{number} {{ annotations(where: " + "{and: [" * 300,
    "many values": _values,
    "a long string": lambda number: f'{{ document(id: """{"a " * 40_000}{number}""") {{ missing }} }}',
    "many lines of comment": lambda number: f"query Q{number} {{ missing }} " + "#\n" * 45_000,
    "too dear": _too_dear,
}


def cost(server: Running) -> dict[str, float]:
    """Seconds of the server's CPU for one document of each kind. All must be refused."""
    return dict(_costs(server))


def _costs(server: Running) -> Iterator[tuple[str, float]]:
    for name, document in DOCUMENTS.items():
        _refused(server, name, document(0))
        before = server.cpu_seconds
        for number in range(1, TIMES + 1):
            _refused(server, name, document(number))
        yield name, (server.cpu_seconds - before) / TIMES


def _refused(server: Running, name: str, document: str) -> None:
    # Commas mean nothing in GraphQL, but have to be read.
    padded = document[:SIZE].ljust(SIZE, ",")
    _, body = server.ask(post("/graphql", {"query": padded}, {}))
    if b'"errors"' not in body or b'"data":{' in body:
        raise Stopped(f"The document of {name} was not refused: {body[:500].decode()}")

"""Everything that is wrong with an input, told at once."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from genji_graphql.errors import GenjiError, Invalid, NotAllowed, NotFound, Several


class Mistakes:
    """Takes note of what is wrong with one part, and goes on to the next."""

    def __init__(self) -> None:
        self._found: list[GenjiError] = []

    @contextmanager
    def noted(self) -> Iterator[None]:
        try:
            yield
        except Several as several:
            self._found += several.errors
        except (Invalid, NotFound, NotAllowed) as error:
            self._found.append(error)

    def check(self) -> None:
        """Raises what was noted."""
        found: Sequence[GenjiError] = self._found
        if len(found) == 1:
            raise found[0]
        if found:
            raise Several(found)

"""Everything that is wrong with an input, told at once."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from genji_graphql.errors import GenjiError, Invalid, NotAllowed, NotFound, Several


class Mistakes:
    """Takes note of what is wrong with one part, and goes on to the next."""

    def __init__(self) -> None:
        self._found: list[GenjiError] = []

    @contextmanager
    def noted(self, within: str = "") -> Iterator[None]:
        """`within` is what stands before the fields of this part, such as `annotations.3.`."""
        try:
            yield
        except Several as several:
            self.add(several.errors, within)
        except (Invalid, NotFound, NotAllowed) as error:
            self.add([error], within)

    def add(self, errors: Iterable[GenjiError], within: str = "") -> None:
        for error in errors:
            error.field = within + (error.field or "") or None
            self._found.append(error)

    def check(self) -> None:
        """Raises what was noted."""
        found: Sequence[GenjiError] = self._found
        if len(found) == 1:
            raise found[0]
        if found:
            raise Several(found)

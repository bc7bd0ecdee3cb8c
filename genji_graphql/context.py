"""What one operation works with."""

from dataclasses import dataclass

from genji_graphql.access.viewer import Viewer
from genji_graphql.reads.loaders import Loaders


@dataclass(frozen=True, slots=True)
class Context:
    """Who asks, and the loaders that answer. Each operation has its own."""

    viewer: Viewer
    loaders: Loaders
    max_page_size: int

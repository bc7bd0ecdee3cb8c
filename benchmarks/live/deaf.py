"""`genji` without the live system: `python -m benchmarks.live.deaf run`."""

from genji_graphql import app, cli
from genji_graphql.live.live import Live


class Deaf(Live):
    @property
    def work(self) -> list[object]:
        return []

    def wrote(self) -> None:
        pass


if __name__ == "__main__":
    app.Live = Deaf  # type: ignore[attr-defined] # what it imported is its own
    cli.main()

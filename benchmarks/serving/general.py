"""`genji` without plans: `python -m benchmarks.serving.general run`."""

from functools import partial

from genji_graphql import app, cli

if __name__ == "__main__":
    app.create_app = partial(app.create_app, plans=False)
    cli.main()

"""The pages for a browser, wholly from this server: GraphiQL, and those to sign in and to choose a new password at.

`web/` holds its source; Vite builds it into `static/`, which is in the wheel and never committed.
"""

import os
from html import escape
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import PathLike, StaticFiles
from starlette.types import Scope

STATIC = Path(__file__).parent / "static"

POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "worker-src 'self'",
        "style-src 'self' 'unsafe-inline'",  # the editor sizes and colours its lines with style attributes
        "font-src 'self' data:",
        "img-src 'self' data:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    ]
)

_HEADERS = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": POLICY,
    "Referrer-Policy": "no-referrer",
    "Vary": "Accept",
    "X-Content-Type-Options": "nosniff",
}

# Said here, because Python asks the operating system, and some answer text/plain for a script.
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".ttf": "font/ttf",
}

_NOT_BUILT = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Genji</title>
<link rel="icon" href="data:,">
<style>
:root { color-scheme: light dark; }
body { font: 1.05rem/1.6 Georgia, serif; max-width: 36rem; margin: 12vh auto; padding: 0 1.5rem; }
h1 { font-weight: normal; }
code, pre { font: 0.9rem/1.5 ui-monospace, monospace; }
pre { padding: 0.8rem 1rem; border: 1px solid; border-radius: 4px; overflow-x: auto; }
</style>
</head>
<body>
<h1>Genji <span lang="ja">源氏</span></h1>
<p>The API answers here, but the query editor that a browser would see hasn't been built.</p>
<p>In a checkout, <code>./dev run</code> builds it. By hand it takes Node 20.19 or newer:</p>
<pre>cd web
npm ci
npm run build</pre>
<p>Without it, any GraphQL client will do:</p>
<pre>curl ADDRESS \\
  -H 'Content-Type: application/json' \\
  -d '{"query": "{ collections { nodes { title } } }"}'</pre>
</body>
</html>
"""


def page(request: Request) -> Response:
    return _built("index.html", request)


def sign_in(request: Request) -> Response:
    return _built("sign-in.html", request)


def reset_password(request: Request) -> Response:
    return _built("reset-password.html", request)


def _built(name: str, request: Request) -> Response:
    built = STATIC / name
    if built.is_file():
        return FileResponse(built, headers=_HEADERS)
    address = str(request.url.replace(path="/graphql", query=None))
    return HTMLResponse(_NOT_BUILT.replace("ADDRESS", escape(address)), headers=_HEADERS)


class Assets(StaticFiles):
    """The page's scripts, styles and fonts. Their names change with their content, so they may be kept for ever."""

    async def check_config(self) -> None:
        """Where the page wasn't built there is no folder, and then every file is simply not found."""

    def file_response(
        self, full_path: PathLike, stat_result: os.stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        response = super().file_response(full_path, stat_result, scope, status_code)
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        response.headers["X-Content-Type-Options"] = "nosniff"
        if media_type := _TYPES.get(Path(full_path).suffix):
            response.headers["Content-Type"] = media_type
        return response


account_pages = [Route("/sign-in", sign_in), Route("/reset-password", reset_password)]
assets = Mount("/graphiql", Assets(directory=STATIC / "graphiql", check_dir=False), name="graphiql")

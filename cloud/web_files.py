"""The built web application: static files, and index.html for the routes of the client."""

from __future__ import annotations

import json
import mimetypes
from functools import lru_cache
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from fastapi import FastAPI, Request
from fastapi.responses import FileResponse, HTMLResponse
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

DIST: Final = Path(__file__).parent / "web" / "dist"
# Vite names what is in assets/ by its content: it never changes under its name.
_FOREVER: Final = "public, max-age=31536000, immutable"
_ALWAYS_ASK: Final = "no-cache"
_NOT_BUILT: Final = """<!doctype html>
<html lang="zh-CN"><meta charset="utf-8"><title>渝悦养老物联网中枢</title>
<h1>渝悦养老物联网中枢</h1>
<p>网页尚未构建。请运行: <code>npm run build</code>（目录 cloud/web）。</p>
<p lang="en">The web page is not built yet. Run <code>npm run build</code> in cloud/web.</p>
</html>
"""

# 'unsafe-inline' for styles only: Ant Design writes its styles at run time. No inline scripts.
_POLICY: Final = "Content-Security-Policy"
SECURITY_HEADERS: Final = {
    _POLICY: (
        "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data: blob:; media-src 'self' data: blob:; font-src 'self' data:; "
        "connect-src 'self'; worker-src 'self'; manifest-src 'self'; object-src 'none'; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(self)",
}


# Scripts and styles of a page obey the page's own; on a slow line twelve times all of them is a
# frame or two. (A worker would have a policy of its own: ours, sw.js, is not among the assets.)
_PARTS: Final = (".js", ".css")
_PARTS_OBEY: Final = {b"x-content-type-options"}


class SecurityHeaders:
    """Adds the headers to every answer; answers of the API are never cached."""

    def __init__(self, app: ASGIApp, map_tiles: str = "") -> None:
        self._app = app
        headers = dict(SECURITY_HEADERS)
        if map_tiles:  # the one server besides ourselves that pictures come from
            parts = urlsplit(map_tiles)
            headers[_POLICY] = headers[_POLICY].replace(
                "img-src 'self'", f"img-src 'self' {parts.scheme}://{parts.netloc}"
            )
        self._headers = [(k.lower().encode(), v.encode()) for k, v in headers.items()]
        self._of_parts = [one for one in self._headers if one[0] in _PARTS_OBEY]

    async def __call__(  # noqa: D102 - ASGI
        self, scope: Scope, receive: Receive, send: Send
    ) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                part = scope["path"].startswith("/assets/") and scope["path"].endswith(_PARTS)
                headers = [*message["headers"], *(self._of_parts if part else self._headers)]
                named = {name.lower() for name, _ in message["headers"]}
                if scope["path"].startswith("/api/") and b"cache-control" not in named:
                    headers.append((b"cache-control", b"no-store"))
                message = {**message, "headers": headers}
            await send(message)

        await self._app(scope, receive, send_with_headers)


# The first view's own code: areas are loaded on demand, which on a slow line is one more wait.
_FIRST_VIEWS: Final = ("src/{}/index.tsx", "src/{}/DutyPage.tsx", "src/{}/LoginPage.tsx")


@lru_cache(maxsize=32)
def _early(manifest: Path, _changed_ns: int, view: str) -> str:
    """What a first view needs beyond the entry, as a `Link` header; empty: nothing is known."""
    files: dict[str, dict[str, Any]] = json.loads(manifest.read_bytes())

    def all_of(name: str, seen: set[str]) -> set[str]:
        if name not in seen:
            seen.add(name)
            for one in files[name].get("imports", ()):
                all_of(one, seen)
        return seen

    key = next((one for name in _FIRST_VIEWS if (one := name.format(view)) in files), None)
    if key is None or "index.html" not in files:
        return ""
    more = sorted(all_of(key, set()) - all_of("index.html", set()), key=lambda one: one != key)
    styles = sorted({css for one in more for css in files[one].get("css", ())})
    links = [f"</{css}>; rel=preload; as=style; crossorigin" for css in styles]
    links += [f"</{files[one]['file']}>; rel=modulepreload; crossorigin" for one in more]
    return ", ".join(links)


def _page(request: Request, root: Path, index: Path, path: str) -> Response:
    answer = _file(request, index, _ALWAYS_ASK)
    manifest = root / ".vite" / "manifest.json"
    if manifest.is_file():
        early = _early(manifest, manifest.stat().st_mtime_ns, path.partition("/")[0])
        if early:
            answer.headers["Link"] = early
    return answer


# The best first: what the build laid beside each text file (cloud/web/scripts/compress.mjs).
_ENCODINGS: Final = (("br", ".br"), ("gzip", ".gz"))


def _file(request: Request, file: Path, kept: str) -> Response:
    """The file, compressed where the browser takes that: on a slow line a page is its bytes."""
    headers = {"Cache-Control": kept, "Vary": "Accept-Encoding"}
    taken = request.headers.get("accept-encoding", "")
    asked = [[part.strip() for part in one.split(";")] for one in taken.split(",")]
    names = {one[0] for one in asked if "q=0" not in one}
    media_type = mimetypes.guess_type(file.name)[0]
    for encoding, ending in _ENCODINGS:
        packed = file.with_name(file.name + ending)
        if encoding in names and packed.is_file():
            headers["Content-Encoding"] = encoding
            return FileResponse(packed, headers=headers, media_type=media_type)
    return FileResponse(file, headers=headers, media_type=media_type)


def install_web(app: FastAPI, dist: Path = DIST) -> None:
    """Serve the built web under everything that is not the API. Add this last."""

    def web(request: Request) -> Response:
        path = request.path_params["path"]
        if path == "api" or path.startswith("api/"):
            raise HTTPException(404, "No such call.")
        root = dist.resolve()
        file = (root / path).resolve()
        if path and file.is_relative_to(root) and file.is_file():
            kept = _FOREVER if path.startswith("assets/") else _ALWAYS_ASK
            return _file(request, file, kept)
        if "." in path.rpartition("/")[2]:  # a file that is not there, not a route of the client
            raise HTTPException(404, "No such file.")
        index = root / "index.html"
        if not index.is_file():
            return HTMLResponse(_NOT_BUILT, 503, headers={"Cache-Control": "no-store"})
        return _page(request, root, index, path)

    app.add_route("/{path:path}", web, methods=["GET", "HEAD"], include_in_schema=False)

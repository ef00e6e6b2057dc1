"""A server on this machine that gives out files, well or badly."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class FileServer(ThreadingHTTPServer):
    """Gives out `files`; the other attributes say how badly."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files: dict[str, bytes] = {}
        self.cut_after: list[int] = []
        """Bytes after which the connection is cut: one for each request, until none is left."""
        self.knows_ranges = True
        self.tells_length = True
        self.status: list[int] = []
        """Refusals: one for each request, until none is left."""
        self.slow = False
        """One block, then a long wait."""
        self.starts: list[int] = []
        """The byte that each request began at."""

    def url(self, name: str) -> str:
        """The address of a file."""
        return f"http://127.0.0.1:{self.server_address[1]}/{name}"


class _Handler(BaseHTTPRequestHandler):
    server: FileServer

    def do_GET(self) -> None:
        """Give out a file, as badly as the server says."""
        server = self.server
        data = server.files.get(self.path.lstrip("/"))
        if server.status or data is None:
            self.send_error(server.status.pop(0) if server.status else 404)
            return
        wanted = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        start = int(wanted[1]) if wanted and server.knows_ranges else 0
        server.starts.append(start)
        if start >= len(data) and start:
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(data)}")
            self.end_headers()
            return
        self.send_response(206 if start else 200)
        if server.tells_length:
            self.send_header("Content-Length", str(len(data) - start))
        self.end_headers()
        end = len(data)
        if server.cut_after:
            end = min(end, start + server.cut_after.pop(0))
        try:
            if server.slow:
                self.wfile.write(data[start : start + 1000])
                time.sleep(3)
            else:
                self.wfile.write(data[start:end])
        except OSError:
            pass
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def serving() -> Iterator[FileServer]:
    """A running server."""
    with FileServer() as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield server
        finally:
            server.shutdown()

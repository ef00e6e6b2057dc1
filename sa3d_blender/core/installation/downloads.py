"""Downloads that go on where they stopped, and are used only when their hash is right.

What arrived lies in ``NAME.part`` beside the target; it survives a cancel, a lost connection and
the end of the program. Standard library only.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import http.client
import os
import shutil
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

from ..background import Pace, Watch, shown_bytes
from ..errors import UserError
from ..remote_file import RemoteFile

BLOCK = 1 << 18
TIMEOUT = 10.0
"""Seconds without a byte after which the connection counts as lost."""
TRIES = 5
"""How often in a row a connection may bring nothing."""
PAUSE = 1.0
"""Seconds before the second try; then twice as many each time."""


class _LostConnectionError(Exception):
    """What the network raised, to tell it from what the disk raises."""


def download(
    file: RemoteFile,
    target: Path,
    watch: Watch,
    *,
    report: Callable[[int], None] = lambda _bytes: None,
) -> None:
    """Download a file to ``target``, unless a file of the right size and hash is there.

    Args:
        report: gets the bytes that are there so far.

    Raises:
        UserError: ``no_connection``, ``not_on_server``, ``wrong_hash``, ``disk_full`` or
            ``cannot_write``. What arrived stays for the next try, unless its hash is wrong.
        Cancelled: the watch says so; what arrived stays.
    """
    if target.is_file():
        if matches(target, file, watch):
            report(target.stat().st_size)
            return
        target.unlink()
    part = partial(target)
    resumed = part.exists()
    check_space(target.parent, (file.size or 0) - partial_bytes(part))
    _fetch(file, part, watch, report)
    if matches(part, file, watch):
        with _disk_errors(target):
            os.replace(part, target)
        return
    part.unlink(missing_ok=True)
    if resumed:  # the beginning may have been the damaged half
        download(file, target, watch, report=report)
        return
    raise UserError(
        f"{file.name} arrived damaged, so it was thrown away; click again to download it anew.",
        code="wrong_hash",
    )


def partial(target: Path) -> Path:
    """Where what arrived of a download lies."""
    return target.with_name(target.name + ".part")


def partial_bytes(target: Path) -> int:
    """How much of a download is there, finished or not."""
    for path in (target, partial(target)):
        with contextlib.suppress(OSError):
            return path.stat().st_size
    return 0


def matches(path: Path, file: RemoteFile, watch: Watch) -> bool:
    """Whether a file has the size and hash that it should have."""
    if file.size is not None and path.stat().st_size != file.size:
        return False
    return sha256(path, watch) == file.sha256


def sha256(path: Path, watch: Watch) -> str:
    """A file's hash. Raises Cancelled when the watch says so."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
            watch.check()
    return digest.hexdigest()


def _fetch(file: RemoteFile, part: Path, watch: Watch, report: Callable[[int], None]) -> None:
    """Bring ``part`` to its full length, over as many connections as it takes."""
    failures = 0
    while True:
        before = partial_bytes(part)
        try:
            if _fetch_some(file, part, before, watch, report):
                return
            reason = "the connection ended too early"
        except _LostConnectionError as lost:
            reason = str(lost)
        failures = 0 if partial_bytes(part) > before else failures + 1
        if failures >= TRIES:
            raise UserError(
                f"{urlsplit(file.url).hostname} cannot be reached ({reason}); check the internet "
                "connection, then click again: what has arrived is kept.",
                code="no_connection",
            )
        watch.sleep(PAUSE * 2 ** max(0, failures - 1))


def _fetch_some(
    file: RemoteFile, part: Path, have: int, watch: Watch, report: Callable[[int], None]
) -> bool:
    """One connection's worth; returns whether the file is complete."""
    if file.size is not None and have >= file.size:
        return True
    watch.check()
    response = _connect(file, have)
    if response is None:  # the server has nothing after what is there
        return True
    with response:
        start = have if response.status == 206 else 0
        length = response.headers.get("Content-Length", "")
        end = start + int(length) if length.isdigit() else file.size
        if file.size is not None and end != file.size:
            raise UserError(
                f"{urlsplit(file.url).hostname} has another {file.name} than the one that is "
                "needed; update the add-on.",
                code="not_on_server",
            )
        _copy(response, part, start, watch, report)
    return end is None or partial_bytes(part) == end


def _connect(file: RemoteFile, have: int) -> http.client.HTTPResponse | None:
    headers = {"User-Agent": "sa3d-blender", "Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
    request = urllib.request.Request(file.url, headers=headers)
    try:
        response: http.client.HTTPResponse = urllib.request.urlopen(
            request, timeout=TIMEOUT, context=_trusted_certificates()
        )
    except urllib.error.HTTPError as refusal:
        refusal.close()
        if refusal.code == 416:
            return None
        if refusal.code < 500 and refusal.code not in (408, 429):
            raise UserError(
                f"{urlsplit(file.url).hostname} does not give out {file.name} "
                f"(HTTP {refusal.code}); update the add-on.",
                code="not_on_server",
            ) from refusal
        raise _LostConnectionError(f"HTTP {refusal.code}") from refusal
    except (OSError, http.client.HTTPException) as error:
        raise _LostConnectionError(str(getattr(error, "reason", error))) from error
    return response


def _copy(
    response: http.client.HTTPResponse,
    part: Path,
    start: int,
    watch: Watch,
    report: Callable[[int], None],
) -> None:
    pace, have = Pace(), start
    with _disk_errors(part), part.open("ab" if start else "wb") as stream:
        while block := _read(response):
            stream.write(block)
            have += len(block)
            if pace.due():
                report(have)
            watch.check()
    report(have)


def _read(response: http.client.HTTPResponse) -> bytes:
    try:
        return response.read1(BLOCK)
    except (OSError, http.client.HTTPException) as error:
        raise _LostConnectionError(str(error) or type(error).__name__) from error


def _trusted_certificates() -> ssl.SSLContext:
    """The system's certificates and, as some Blenders find none, those that Blender brings."""
    context = ssl.create_default_context()
    with contextlib.suppress(ImportError, OSError):
        import certifi

        context.load_verify_locations(certifi.where())
    return context


def check_space(folder: Path, needed: int) -> None:
    """Raises UserError (``disk_full``) when a folder's disk has less than ``needed`` bytes free."""
    with _disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        missing = needed - shutil.disk_usage(folder).free
    if missing > 0:
        raise UserError(
            f"The disk of {folder} has too little space; make {shown_bytes(missing)} more free, "
            "then click again.",
            code="disk_full",
        )


@contextlib.contextmanager
def _disk_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise UserError(
                f"The disk of {path.parent} is full; make some space free, then click again: "
                "what has arrived is kept.",
                code="disk_full",
            ) from error
        raise UserError(
            f"{path} cannot be written ({error.strerror or error}); choose another folder.",
            code="cannot_write",
        ) from error

"""Where packages and Python come from when the user's pip or uv is told to ask a mirror.

A lock names PyPI's own addresses. Behind a mirror the same files, of the same pinned hashes, are
found through its pages (PEP 503: a page of links for each package). Proxies need nothing here: what
downloads honours the usual variables.
"""

from __future__ import annotations

import configparser
import os
import re
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

from ..errors import UserError
from ..remote_file import RemoteFile

PYPI = "files.pythonhosted.org"
INDEX_VARIABLES = ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL")
"""Which say the index, the first that is set."""
PYTHON_MIRROR = "UV_PYTHON_INSTALL_MIRROR"
PYTHON_SERVER, RELEASES = "releases.astral.sh", "/releases/download"
"""Where uv gets its Pythons, and what of their addresses a mirror stands for."""
MAX_PAGE = 2**24
TIMEOUT = 20.0


def configured_index(environment: Mapping[str, str] = os.environ) -> str | None:
    """The address of the package index that the user's uv or pip asks; None for PyPI itself."""
    for name in INDEX_VARIABLES:
        if environment.get(name):
            return _plain(environment[name])
    for path in _pip_files(environment):
        found = configparser.RawConfigParser()
        with suppress(OSError, UnicodeDecodeError, configparser.Error):
            found.read(path, encoding="utf-8")
            address = found.get("global", "index-url", fallback="")
            if address:
                return _plain(address)
    return None


def _plain(address: str) -> str | None:
    """An http address without its last slash; uv's may have a name before it (``name=https:``)."""
    address = re.sub(r"^[\w.-]+=(?=https?://)", "", address.strip()).rstrip("/")
    if not address.startswith(("http://", "https://")):
        return None
    return None if urlsplit(address).hostname == "pypi.org" else address


def _pip_files(environment: Mapping[str, str]) -> Iterator[Path]:
    """pip's files of settings, those that count most first."""
    if environment.get("PIP_CONFIG_FILE"):
        yield Path(environment["PIP_CONFIG_FILE"])
    if sys.platform == "win32":
        for name in ("APPDATA", "PROGRAMDATA"):
            if environment.get(name):
                yield Path(environment[name]) / "pip" / "pip.ini"
        return
    home = Path(environment.get("HOME") or "~").expanduser()
    settings = Path(environment.get("XDG_CONFIG_HOME") or home / ".config")
    if sys.platform == "darwin":
        yield home / "Library" / "Application Support" / "pip" / "pip.conf"
    yield settings / "pip" / "pip.conf"
    yield home / ".pip" / "pip.conf"
    yield Path("/etc/pip.conf")


def asked_hosts(files: tuple[RemoteFile, ...]) -> tuple[str, ...]:
    """The servers that a set-up asks, in words for the artist: mirrors where they are set."""
    index = configured_index()
    mirror = urlsplit(index).hostname if index else None
    hosts = [urlsplit(file.url).hostname or "" for file in files]
    found = [mirror if mirror and host == PYPI else host for host in hosts]
    return tuple(dict.fromkeys([*found, python_host()]))


def python_host() -> str:
    """The server that a Python is downloaded from."""
    return urlsplit(os.environ.get(PYTHON_MIRROR, "")).hostname or PYTHON_SERVER


def through_python_mirror(file: RemoteFile) -> RemoteFile:
    """A Python's archive at the mirror that uv is set to; the file itself where it is set to none.

    uv says which part of the address is the mirror's.
    """
    mirror = os.environ.get(PYTHON_MIRROR, "").rstrip("/")
    _, releases, rest = file.url.partition(RELEASES)
    if not mirror.startswith(("http://", "https://")) or not releases:
        return file
    return replace(file, url=mirror + rest)


def through_index(file: RemoteFile, index: str | None) -> RemoteFile:
    """A file of PyPI's at its mirror's address; the file itself where the mirror lacks it.

    Raises:
        UserError: ``no_connection``; the mirror cannot be reached.
    """
    if index is None or urlsplit(file.url).hostname != PYPI:
        return file
    package = re.sub(r"[-_.]+", "-", file.name.partition("-")[0]).lower()
    page = f"{index}/{package}/"
    try:
        with urllib.request.urlopen(page, timeout=TIMEOUT) as response:
            text = response.read(MAX_PAGE).decode("utf-8", errors="replace")
            page = response.url
    except urllib.error.HTTPError as error:
        if error.code == 404:
            return file
        raise _unreachable(index, f"it answers {error.code}") from error
    except (OSError, ValueError) as error:
        raise _unreachable(index, str(getattr(error, "reason", error))) from error
    links = _Links()
    links.feed(text)
    for link in links.found:
        address = urldefrag(urljoin(page, link)).url
        same = unquote(urlsplit(address).path).rpartition("/")[2] == file.name
        if same and address.startswith(("http://", "https://")):
            return replace(file, url=address)
    return file


def _unreachable(index: str, reason: str) -> UserError:
    host = urlsplit(index).hostname
    return UserError(
        f"{host}, the package index that pip or uv is set to, cannot be reached ({reason}); check "
        "that setting and the connection, then click again.",
        code="no_connection",
    )


class _Links(HTMLParser):
    """Where a page's links lead."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep a link's address."""
        if tag == "a":
            self.found += [value for name, value in attrs if name == "href" and value]

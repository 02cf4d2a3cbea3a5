"""External documents from feeds, where there is a network: RSS and Atom, read as data."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx
from lxml import etree, html  # type: ignore[import-untyped]

from kedge.benchmarks.datasets import Passage, passage_id
from kedge.errors import LoadError

__all__ = ["fetched", "parsed_feed"]

LARGEST = 20_000_000  # bytes of a feed
_FIX = "name the address of an RSS or Atom feed"


async def fetched(url: str, *, since: str = "", client: httpx.AsyncClient | None = None) -> list[Passage]:
    """The entries of a feed as passages, those from `since` (`2024-01-01`) on.

    Raises:
        LoadError: There is nothing there, it is too large, or it is no feed.
    """
    own = client or httpx.AsyncClient(timeout=30, follow_redirects=True)
    try:
        async with own.stream("GET", url) as reply:
            reply.raise_for_status()
            content = b""
            async for part in reply.aiter_bytes():
                content += part
                if len(content) > LARGEST:
                    raise LoadError(f"{url}: more than {LARGEST:,} bytes", fix=_FIX)
    except httpx.HTTPError as error:
        raise LoadError(f"{url}: {error}", fix="check the address and the network") from error
    finally:
        if client is None:
            await own.aclose()
    return parsed_feed(content, url, since=since)


def parsed_feed(content: bytes, name: str, *, since: str = "") -> list[Passage]:
    """The entries of an RSS or Atom feed; entities are not expanded, and nothing is loaded.

    Raises:
        LoadError: It is no feed.

    Example:
        >>> item = "<item><title>Tide</title><description>High.</description></item>"
        >>> feed = f"<rss><channel>{item}</channel></rss>".encode()
        >>> [(p.title, p.text) for p in parsed_feed(feed, "feed")]
        [('Tide', 'High.')]
    """
    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False)
    try:
        root = etree.fromstring(content, parser)
    except etree.XMLSyntaxError as error:
        raise LoadError(f"{name}: not XML: {error.msg}", fix=_FIX) from None
    found = []
    for entry in (
        root.iterfind(".//{*}item") if root.find(".//{*}item") is not None else root.iterfind("{*}entry")
    ):
        title = _text(entry, "title")
        text = max((_text(entry, tag) for tag in ("description", "encoded", "content", "summary")), key=len)
        day = _day(_text(entry, "pubDate") or _text(entry, "published") or _text(entry, "updated"))
        if text and day >= since:
            body = f"{day}\n{text}" if day else text
            found.append(Passage(passage_id(title, body), title, body))
    if not found and root.tag.rpartition("}")[2] not in ("rss", "feed", "RDF"):
        raise LoadError(f"{name}: {root.tag!r} is no feed", fix=_FIX)
    return found


def _text(entry: etree._Element, tag: str) -> str:
    found = entry.find(f"{{*}}{tag}")
    raw = "".join(str(part) for part in found.itertext()) if found is not None else ""
    plain = str(html.fromstring(f"<div>{raw}</div>").text_content()) if "<" in raw else raw
    return re.sub(r"\s+", " ", plain).strip()


def _day(date: str) -> str:
    """The day of a date in either form of feeds; nothing, if it is in neither."""
    for read in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            return read(date).astimezone(UTC).date().isoformat()
        except ValueError:
            continue
    return ""

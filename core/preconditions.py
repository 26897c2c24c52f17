"""Preconditions of writes on an object's version: `If-Match`, `If-None-Match`, and a message's `version`.

Our entity-tags are versions in quotes. A weak one (`W/"3"`) counts as the version that it names, because proxies that
compress answers make strong tags weak; so does one bare number, as gRPC's metadata may have it. Any other entity-tag
matches no version (RFC 9110, 13.1).
"""

import re
from collections.abc import Collection
from dataclasses import dataclass

from core.errors import Stale, invalid

_TAG = re.compile(r'(?:W/)?"([\x21\x23-\x7e\x80-\U0010ffff]*)"')
_SEPARATOR = re.compile(r"[ \t]*,[ \t,]*")
_VERSION = re.compile(r"[1-9][0-9]{0,18}")
_BARE_VERSION = re.compile(r"[ \t]*([0-9]+)[ \t]*")
ANY = "*"


@dataclass(frozen=True, slots=True)
class ExpectedVersion:
    """The versions that a write accepts of the row that it changes.

    Attributes:
        one_of: the row must be at one of these versions; None = at any.
        none_of: the row must be at none of these versions; None = the row must not exist.
    """

    one_of: frozenset[int] | None = None
    none_of: frozenset[int] | None = frozenset()

    def check(self, version: int) -> None:
        """Compare it with the version of the row, which is locked.

        Raises:
            Stale: the version is not accepted.
        """
        if self.one_of is not None and version not in self.one_of:
            raise Stale(version)
        if self.none_of is None or version in self.none_of:
            raise Stale(version, f"If-None-Match excludes it: it exists, at version {version}.")

    def check_without_version(self, *, exists: bool) -> None:
        """Check it for a write to an object without versions.

        Args:
            exists: the object exists already.

        Raises:
            Stale: it requires a version, or that the object does not exist.
        """
        if self.one_of is not None:
            raise Stale(None, "If-Match names a version, but this call changes nothing that has one; leave it out.")
        if exists and self.none_of is None:
            raise Stale(None, "If-None-Match excludes it: it exists.")

    def canonical(self) -> bytes:
        """Return its canonical form, for the hash of a request."""
        if self.none_of != frozenset():
            return repr((_sorted(self.one_of), _sorted(self.none_of))).encode()
        single = self.one_of is not None and len(self.one_of) == 1
        return str(next(iter(self.one_of or ())) if single else _sorted(self.one_of)).encode()


ANY_VERSION = ExpectedVersion()


def exactly(version: int) -> ExpectedVersion:
    """Return the precondition of exactly this version."""
    return ExpectedVersion(one_of=frozenset((version,)))


def expected_version(if_match: str | None, if_none_match: str | None = None) -> ExpectedVersion:
    """Parse `If-Match` and `If-None-Match` of a write.

    Raises:
        ValidationError: one of them is neither `*` nor a list of entity-tags.
    """
    if if_match is None and if_none_match is None:
        return ANY_VERSION
    one_of = None if if_match is None else _versions(if_match, "if_match", "If-Match")
    none_of = frozenset[int]() if if_none_match is None else _versions(if_none_match, "if_none_match", "If-None-Match")
    return ExpectedVersion(one_of, none_of)


def entity_tags(value: str) -> list[str] | None:
    """Return the opaque parts of a list of entity-tags, weak or strong; None if the list is invalid."""
    tags, at = [], 0
    text = value.strip(" \t,")
    while at < len(text):
        tag = _TAG.match(text, at)
        if tag is None:
            return None
        tags.append(tag[1])
        at = tag.end()
        if at < len(text):
            separator = _SEPARATOR.match(text, at)
            if separator is None:
                return None
            at = separator.end()
    return tags or None


def _versions(value: str, field: str, header: str) -> frozenset[int] | None:
    if value.strip() == ANY:
        return None
    bare = _BARE_VERSION.fullmatch(value)
    tags = [bare[1]] if bare else entity_tags(value)
    if tags is None:
        raise invalid(field, "invalid", f'{header} takes versions in quotes, as in "3" or "3", "4"; or * alone.')
    return frozenset(int(tag) for tag in tags if _VERSION.fullmatch(tag))


def _sorted(versions: Collection[int] | None) -> list[int] | None:
    return None if versions is None else sorted(versions)

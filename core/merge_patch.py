"""Changes of some keys of a map, as a JSON merge patch (RFC 7396) makes them."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MapChange:
    """A change of some keys of a map; the others stay. A service accepts it in place of the whole map.

    Attributes:
        entries: key → its new value; None = remove the key.
    """

    entries: Mapping[str, str | None]

    def applied_to(self, before: Mapping[str, str]) -> dict[str, str]:
        """Return the map after the change."""
        after = {**before, **self.entries}
        return {key: value for key, value in after.items() if value is not None}

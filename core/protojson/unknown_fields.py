"""The message of the code `unknown`, which is the same for keys, query names and paths of masks."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

from google.protobuf.descriptor import Descriptor


def no_such_field(path: Sequence[str], known: Iterable[str] = ()) -> str:
    """Return the message, with the most similar of the known names, if one is similar.

    Args:
        path: the parts as the caller wrote them.
        known: the names in the place of the last part.
    """
    *parents, name = path
    names = {one.casefold(): one for one in known}
    nearest = get_close_matches(name.casefold(), names, n=1)
    suggestion = f" The most similar one is {'.'.join([*parents, names[nearest[0]]])}." if nearest else ""
    return f"There is no field {'.'.join(path)}.{suggestion}"


def names_beside(descriptor: Descriptor, path: Sequence[str]) -> list[str]:
    """Return the names of the fields in the place of the last part of a path; none if a parent does not exist."""
    place: Descriptor | None = descriptor
    for name in path[:-1]:
        field = place.fields_by_name.get(name) if place else None
        place = field.message_type if field and not field.is_repeated else None
    return [field.name for field in place.fields] if place else []

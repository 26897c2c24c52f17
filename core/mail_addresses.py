"""The canonical form of an e-mail address, which is stored, compared, looked up, counted and mailed to.

Two spellings of one mailbox have the same canonical form, and the form of an address never names another mailbox:

- The domain is in A-labels, by UTS #46 without its transitional mappings and IDNA 2008: ß, ς, ZWJ and ZWNJ are
  distinct letters. Python's `idna` codec, which Django uses for mail, is IDNA 2003 and maps them to others.
- The local part is in lower case. It holds ASCII only: most mail servers accept nothing else, and an encoding of other
  letters would be the name of another mailbox.
"""

import ipaddress
import re
from email.utils import formataddr, parseaddr

import idna
from django.core.exceptions import ValidationError
from django.core.validators import EmailValidator

from core.texts import normalized, trimmed

_ATOMS = re.compile(r"[-!#$%&'*+/=?^_`{}|~0-9a-z]+(\.[-!#$%&'*+/=?^_`{}|~0-9a-z]+)*")
_QUOTED = re.compile(r'"(?:[ !#-\[\]-~]|\\[ -~])+"')
_LITERAL = re.compile(r"\[(?:ipv6:)?([0-9a-f:.]+)\]", re.IGNORECASE)
_ACE_PREFIX = "xn--"


def canonical(address: str) -> str:
    """Return the canonical form of an address, in ASCII; drop white space and invisible characters around it.

    Raises:
        ValidationError: mail cannot be sent to it.
    """
    local, _, domain = trimmed(address).rpartition("@")
    return f"{_canonical_local_part(local)}@{_canonical_domain(domain)}"


def canonical_or_as_sent(address: str) -> str:
    """Return the canonical form, or the text in lower case without white space around it if it is not an address."""
    try:
        return canonical(address)
    except ValidationError:
        return address.strip().lower()


def with_ascii_domains(query: str) -> str:
    """Return a search query with its addresses and domains in their canonical form."""
    return " ".join(_as_stored(part) for part in query.split())


def canonical_sender(sender: str) -> str:
    """Return a sender that may have a name, as `Tandem <tandem@bücher.example>`, with its domain in A-labels.

    Raises:
        ValidationError: the domain is not ASCII, and not valid by IDNA 2008.
    """
    name, address = parseaddr(sender)
    local, _, domain = address.rpartition("@")
    return sender if domain.isascii() else formataddr((name, f"{local}@{_canonical_domain(domain)}"))


def _as_stored(part: str) -> str:
    if "@" in part:
        return canonical_or_as_sent(part)
    if part.isascii() or "." not in part:
        return part
    try:
        return _canonical_domain(part)
    except ValidationError:
        return part


def _canonical_local_part(local: str) -> str:
    local = normalized("NFC", local)
    if not local.isascii():
        raise ValidationError(
            "Enter an e-mail address that has only ASCII letters, digits and signs before the @: mail cannot be sent to"
            " other or invisible characters.",
            code="email",
        )
    local = local.lower()
    if _QUOTED.fullmatch(local):
        # RFC 5321, 4.1.2: quotes that are not needed name the same mailbox.
        content = re.sub(r"\\(.)", r"\1", local[1:-1])
        local = content if _ATOMS.fullmatch(content) else '"' + re.sub(r'(["\\])', r"\\\1", content) + '"'
    elif not _ATOMS.fullmatch(local):
        raise _no_address()
    return local


def _canonical_domain(domain: str) -> str:
    if (literal := _LITERAL.fullmatch(domain)) is not None:
        return _canonical_literal(literal[1])
    lowered = domain.lower()
    if not lowered.isascii() or _ACE_PREFIX in lowered:
        try:
            lowered = ".".join(map(_a_label, idna.uts46_remap(domain, std3_rules=False).split(".")))
        except (idna.IDNAError, UnicodeError) as exc:
            raise ValidationError("Enter an e-mail address whose domain is valid by IDNA 2008.", code="email") from exc
    if lowered != "localhost" and not EmailValidator.domain_regex.match(lowered):
        raise _no_address()
    return lowered


def _a_label(label: str) -> str:
    if label.isascii() and not label.startswith(_ACE_PREFIX):
        return label
    # An A-label is checked too: it must decode to a valid U-label, which must encode to this A-label.
    return idna.alabel(idna.ulabel(label)).decode()


def _canonical_literal(literal: str) -> str:
    try:
        address = ipaddress.ip_address(literal)
    except ValueError as exc:
        raise _no_address() from exc
    return f"[{address}]" if address.version == 4 else f"[ipv6:{address.compressed}]"


def _no_address() -> ValidationError:
    return ValidationError("Enter an e-mail address.", code="email")

"""Give every e-mail address its canonical form, in which two spellings of one mailbox are equal.

Where several accounts have one mailbox, one of them has the canonical address: the one that had it before, else the
oldest of the verified ones, else the oldest. The others keep their spelling and everything else; each is still found and signed in to by exactly that
spelling. They are logged, by their ids, for an administrator to decide about: nothing is merged here. An address that
has no canonical form stays as it is.
"""

import ipaddress
import logging
import re
import unicodedata
from collections import defaultdict
from typing import Any

import idna
from django.db import migrations
from django.db.models import Q

logger = logging.getLogger("tandem.migrations")

_ATOMS = re.compile(r"[-!#$%&'*+/=?^_`{}|~0-9a-z]+(\.[-!#$%&'*+/=?^_`{}|~0-9a-z]+)*")


def canonical(address: str) -> str | None:
    """As `core.mail_addresses.canonical` was at the time of this migration; None if there is no such form."""
    local, _, domain = address.rpartition("@")
    local = unicodedata.normalize("NFC", local).lower()
    if local.startswith('"'):
        content = re.sub(r"\\(.)", r"\1", local[1:-1])
        local = content if _ATOMS.fullmatch(content) else '"' + re.sub(r'(["\\])', r"\\\1", content) + '"'
    try:
        if domain.startswith("["):
            literal = ipaddress.ip_address(domain[1:-1].removeprefix("ipv6:"))
            domain = f"[{literal}]" if literal.version == 4 else f"[ipv6:{literal.compressed}]"
        else:
            domain = ".".join(_a_label(label) for label in idna.uts46_remap(domain, std3_rules=False).split("."))
    except (idna.IDNAError, ValueError):
        return None
    return f"{local}@{domain}" if local.isascii() else None


def _a_label(label: str) -> str:
    if label.isascii() and not label.startswith("xn--"):
        return label
    return idna.alabel(idna.ulabel(label)).decode()


def use_canonical_form(apps: Any, schema_editor: Any) -> None:
    user_model, token_model = apps.get_model("users", "User"), apps.get_model("users", "MailedToken")
    users = user_model.objects.using(schema_editor.connection.alias)
    # All others are in canonical form already.
    odd = users.filter(Q(email__regex="[^\\x01-\\x7f]") | Q(email__contains="xn--") | Q(email__regex='^"|\\]$'))
    sharing: dict[str, list[Any]] = defaultdict(list)
    for user in odd.only("email", "email_verified", "created_at").iterator():
        if (form := canonical(user.email)) is None:
            logger.warning("User %s keeps an e-mail address that no mail can be sent to.", user.pk)
        else:
            sharing[form].append(user)
    forms = list(sharing)
    for start in range(0, len(forms), 1000):
        for user in users.filter(email__in=forms[start : start + 1000]).only("email", "email_verified", "created_at"):
            if all(user.pk != other.pk for other in sharing[user.email]):
                sharing[user.email].append(user)
    for form, accounts in sharing.items():
        accounts.sort(key=lambda user: (not user.email_verified, user.created_at, user.pk))
        # Who has the canonical form already keeps it: nobody loses an address here.
        keeper = next((user for user in accounts if user.email == form), accounts[0])
        if keeper.email != form:
            token_model.objects.using(users.db).filter(user_id=keeper.pk, email=keeper.email).update(email=form)
            users.filter(pk=keeper.pk).update(email=form)
        for user in accounts:
            if user is not keeper:
                logger.warning(
                    "Users %s and %s have one mailbox. The latter keeps its own spelling of the address; give it another"
                    " address, or delete one of them.", keeper.pk, user.pk,
                )  # fmt: skip


class Migration(migrations.Migration):
    dependencies = [("users", "0005_staff_and_service_indexes")]

    # Backwards there is nothing to do: a canonical address is one of those that were allowed before.
    operations = [migrations.RunPython(use_canonical_form, migrations.RunPython.noop, elidable=True)]

"""The canonical form of e-mail addresses."""

import pytest
from django.core.exceptions import ValidationError

from core.mail_addresses import canonical, canonical_or_as_sent, canonical_sender


@pytest.mark.parametrize(
    ("spelled", "form"),
    [
        ("Victim@faß.example", "victim@xn--fa-hia.example"),
        ("victim@FASS.example", "victim@fass.example"),
        ("a@όσος.example", "a@xn--0xagb9a.example"),
        ("a@نامه\u200cای.example", "a@xn--mgba3gch31f060k.example"),
        ("ada@BÜCHER.example", "ada@xn--bcher-kva.example"),
        ("ada@bu\u0308cher.example", "ada@xn--bcher-kva.example"),
        ("ada@XN--Bcher-KVA.Example", "ada@xn--bcher-kva.example"),
        ("ada@ｅｘ。ample．com", "ada@ex.ample.com"),
        ("ada@exa\u00admple\u200b.com", "ada@example.com"),
        (' "ada"@example.com ', "ada@example.com"),
        (r'"a\d\a"@example.com', "ada@example.com"),
        (r'"A \B"@example.com', '"a b"@example.com'),
        (r'"a\"b"@example.com', r'"a\"b"@example.com'),
        ("ada@[127.0.0.1]", "ada@[127.0.0.1]"),
        ("ada@[IPv6:0:0:0:0:0:0:0:1]", "ada@[ipv6:::1]"),
        ("ada@[::1]", "ada@[ipv6:::1]"),
        ("\u212aim@example.com", "kim@example.com"),
        ("root@localhost", "root@localhost"),
        ("\ufeff\u200bada@example.com\u2060 ", "ada@example.com"),
        ("ada@r3---sn.example", "ada@r3---sn.example"),
    ],
)
def test_spellings_of_one_mailbox_have_one_form(spelled: str, form: str) -> None:
    assert canonical(spelled) == form
    assert canonical(form) == form


@pytest.mark.parametrize(
    "address",
    [
        "",
        "@",
        "ada",
        "ada@",
        "@example.com",
        "ada@example.com.",
        "ada@example.com。",
        "ada@ex..com",
        "a b@example.com",
        "a@b@example.com",
        "ada@ex_ample.com",
        "ada@-ex.com",
        "ada@[1.2.3]",
        "ada@[::1",
        "ada＠example.com",
        "ſam@example.com",
        "mıke@example.com",
        "İ@example.com",
        "ａｄａ@example.com",
        "jürgen@example.com",
        "ada\u200d@example.com",
        "ada@😀.example",
        "ada@xn--e28h.example",
        "ada@xn--a.example",
        "ada@a\u200db.example",
        "ada@xn--xn--a--gua.example",
        '""@example.com',
        "ada\0@example.com",
        "ada@ex\0.com",
        f"ada@{'ü' * 80}.example",
    ],
)
def test_undeliverable_addresses_are_rejected(address: str) -> None:
    with pytest.raises(ValidationError) as refused:
        canonical(address)
    assert refused.value.code == "email"
    assert canonical_or_as_sent(f" {address.upper()} ") == address.upper().strip().lower()


def test_a_sender_keeps_its_name_and_its_domain() -> None:
    assert canonical_sender("Tandem <Hello@faß.example>") == "Tandem <Hello@xn--fa-hia.example>"
    assert canonical_sender("Tandem <hello@my_host>") == "Tandem <hello@my_host>"

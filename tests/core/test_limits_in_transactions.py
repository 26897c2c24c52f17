"""A try that fails counts, also where it was counted in the transaction that its failure undoes."""

import pytest
from django.db import transaction

from core import rate_limits
from core.errors import Conflict, RateLimited
from core.models import RateWindow


def take(limit: int = 10) -> None:
    rate_limits.take("tries", "ann", limit=limit, seconds=60, message="Too many.")


def count() -> int:
    return RateWindow.objects.get().count


def failing_in_a_transaction() -> None:
    with rate_limits.recount_after_rollback(), transaction.atomic():
        take()
        raise Conflict("It fails.")


@pytest.mark.django_db(transaction=True)
def test_counts_survive_a_failed_transaction() -> None:
    for tries in (1, 2):
        with pytest.raises(Conflict):
            failing_in_a_transaction()
        assert count() == tries
    with pytest.raises(RateLimited), rate_limits.recount_after_rollback(), transaction.atomic():
        take(limit=2)
    assert count() == 3


@pytest.mark.django_db(transaction=True)
def test_count_of_a_committed_transaction_is_not_doubled() -> None:
    with pytest.raises(Conflict), rate_limits.recount_after_rollback():
        take()
        raise Conflict("It fails.")
    assert count() == 1
    with rate_limits.recount_after_rollback(), transaction.atomic():
        take()
    assert count() == 2


@pytest.mark.django_db(transaction=True)
def test_a_block_within_another_counts_once() -> None:
    with pytest.raises(Conflict), rate_limits.recount_after_rollback():
        failing_in_a_transaction()
    assert count() == 1

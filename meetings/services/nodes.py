"""Reports of the workers about the speech nodes, for the admin site."""

import datetime
import logging

from django.db import Error
from django.utils import timezone

from core.db.thread_connections import fresh_connections
from meetings.models import SpeechNode
from meetings.speech.members import NodeReport

logger = logging.getLogger(__name__)

#: Workers report each minute while they work.
KEPT = datetime.timedelta(days=7)


def record(report: NodeReport) -> None:
    """Store a node's state. Without a database it is not stored: the next report is."""
    level = logging.WARNING if report.reason else logging.INFO
    logger.log(level, "Speech node %s: %s. %s", report.address, report.state.name, report.reason)
    now = timezone.now()
    values = {
        "state": report.state,
        "reason": report.reason,
        "engines": [f"{engine.name} {engine.version}".strip() for engine in report.engines],
        "reported_at": now,
    }
    try:
        with fresh_connections():
            changed = (
                {} if SpeechNode.objects.filter(address=report.address, state=report.state).exists() else {"since": now}
            )
            SpeechNode.objects.update_or_create(
                address=report.address, defaults=values | changed, create_defaults=values | {"since": now}
            )
    except Error:
        logger.warning("The state of a speech node was not stored.", exc_info=True)


def prune() -> int:
    """Delete nodes that no worker has reported for a week, and return their number."""
    return SpeechNode.objects.filter(reported_at__lt=timezone.now() - KEPT).delete()[0]

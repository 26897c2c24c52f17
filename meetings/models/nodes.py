"""Speech nodes as the workers see them."""

from django.db import models


class NodeState(models.IntegerChoices):
    """States of a node's circuit breaker, numbered as in `meetings.speech.breaker.BreakerState`."""

    USED = 0, "In use"
    TRIED = 1, "Being tried"
    PASSED_OVER = 2, "Passed over"


class SpeechNode(models.Model):
    """One row = one node of `SPEECH_NODES`, in the state that a worker reported last."""

    id = models.AutoField(primary_key=True)
    #: The URL without its query.
    address = models.TextField(unique=True)
    state = models.PositiveSmallIntegerField(choices=NodeState)
    #: Why it is not in use, as a sentence for people.
    reason = models.TextField(blank=True)
    #: `name version` of each engine that it offered last.
    engines = models.JSONField(default=list)
    #: When the state last changed.
    since = models.DateTimeField()
    reported_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.address

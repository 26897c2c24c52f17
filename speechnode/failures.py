"""What can go wrong with a call, in words for the caller. Engines raise these; `calls.served` tells them."""


class Failure(Exception):
    """The message is a sentence that says what the caller can do.

    Attributes:
        code: the name of the gRPC status that the call ends with.
        reason: of its ErrorInfo; see speech.proto.
    """

    code = "INVALID_ARGUMENT"
    reason = "INVALID"


class Invalid(Failure):
    """A message is not what the contract says."""


class TooLarge(Failure):
    """More was sent than is taken."""

    reason = "TOO_LARGE"


class NotAudio(Failure):
    """A file that cannot be decoded at all."""

    reason = "UNSUPPORTED_MEDIA_TYPE"


class TooLittleSpeech(Failure):
    """Nobody speaks in it, or not for long enough."""

    reason = "TOO_LITTLE_SPEECH"


class CapabilityMissing(Failure):
    """No engine here can do that."""

    code = "FAILED_PRECONDITION"
    reason = "CAPABILITY_MISSING"


class NoFreeStream(Failure):
    """The node serves as many calls as it can."""

    code = "RESOURCE_EXHAUSTED"
    reason = "NO_FREE_STREAM"


class NoRoom(Failure):
    """The node's disk is full."""

    code = "RESOURCE_EXHAUSTED"
    reason = "NO_ROOM"


class Draining(Failure):
    """The node is about to end."""

    code = "UNAVAILABLE"
    reason = "DRAINING"


class EngineFailed(Failure):
    """An engine died, or did not answer."""

    code = "UNAVAILABLE"
    reason = "ENGINE_FAILED"


class Broken(Failure):
    """Nobody foresaw this; the caller learns an id, and the log the rest."""

    code = "INTERNAL"
    reason = "INTERNAL"


class Cancelled(Failure):
    """The caller went away; nobody will read this."""

    code = "CANCELLED"
    reason = "CANCELLED"

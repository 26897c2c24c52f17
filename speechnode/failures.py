"""Failures of calls, with messages for the caller. Engines raise them; `calls.served` returns them as statuses."""


class Failure(Exception):
    """A failure of a call. Its message is a sentence that names what the caller can do.

    Attributes:
        code: the name of the gRPC status that the call ends with.
        reason: the reason in its ErrorInfo; see speech.proto.
    """

    code = "INVALID_ARGUMENT"
    reason = "INVALID"


class Invalid(Failure):
    """A message that violates the contract."""


class TooLarge(Failure):
    """The file exceeds a size or duration limit."""

    reason = "TOO_LARGE"


class NotAudio(Failure):
    """A file that cannot be decoded."""

    reason = "UNSUPPORTED_MEDIA_TYPE"


class TooLittleSpeech(Failure):
    """The audio has no speech, or too little."""

    reason = "TOO_LITTLE_SPEECH"


class CapabilityMissing(Failure):
    """No engine of this node has the requested capability."""

    code = "FAILED_PRECONDITION"
    reason = "CAPABILITY_MISSING"


class NoFreeStream(Failure):
    """All of the node's slots are taken."""

    code = "RESOURCE_EXHAUSTED"
    reason = "NO_FREE_STREAM"


class NoRoom(Failure):
    """The node's disk is full."""

    code = "RESOURCE_EXHAUSTED"
    reason = "NO_ROOM"


class Draining(Failure):
    """The node is shutting down."""

    code = "UNAVAILABLE"
    reason = "DRAINING"


class EngineFailed(Failure):
    """An engine process died or did not answer."""

    code = "UNAVAILABLE"
    reason = "ENGINE_FAILED"


class Broken(Failure):
    """An unexpected exception. The caller gets an error ID; the log has the traceback."""

    code = "INTERNAL"
    reason = "INTERNAL"


class Cancelled(Failure):
    """The caller has left, so the status is not sent."""

    code = "CANCELLED"
    reason = "CANCELLED"

"""What can go wrong with a call, in words for the caller. Engines raise these; `rpc.answering` tells them."""

import grpc


class Failure(Exception):
    """The message is a sentence that says what the caller can do.

    Attributes:
        code: the status that the call ends with.
        reason: of its ErrorInfo; see speech.proto.
    """

    code = grpc.StatusCode.INVALID_ARGUMENT
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

    code = grpc.StatusCode.FAILED_PRECONDITION
    reason = "CAPABILITY_MISSING"


class NoFreeStream(Failure):
    """The node serves as many calls as it can."""

    code = grpc.StatusCode.RESOURCE_EXHAUSTED
    reason = "NO_FREE_STREAM"


class Draining(Failure):
    """The node is about to end."""

    code = grpc.StatusCode.UNAVAILABLE
    reason = "DRAINING"


class EngineFailed(Failure):
    """An engine died, or did not answer."""

    code = grpc.StatusCode.UNAVAILABLE
    reason = "ENGINE_FAILED"


class Cancelled(Failure):
    """The caller went away; nobody will read this."""

    code = grpc.StatusCode.CANCELLED
    reason = "CANCELLED"

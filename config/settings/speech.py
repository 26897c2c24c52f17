"""Recordings: their limits, and the nodes that transcribe them."""

from config.settings.base import env

#: The largest recording that is accepted, in bytes.
MAX_RECORDING_BYTES = 4 * 1024**3
#: Of one user: how many uploads may be unfinished, how many bytes those may announce, and how many bytes of recordings
#: may be stored beside them (0 = without limit). Administrators have no such limits.
UPLOADS_PER_USER = 50
UPLOAD_BYTES_PER_USER = 4 * MAX_RECORDING_BYTES
RECORDING_BYTES_PER_USER = env.int("RECORDING_BYTES_PER_USER", default=0)
#: How much of the data folder's disk uploads leave free; below half of it the service is not ready any more.
DISK_RESERVE_BYTES = 1024**3
#: The longest recording that is processed, in seconds of sound, as decoded and not as its header claims.
MAX_RECORDING_SECONDS = 43_200
#: Nodes that process recordings, the preferred first.
SPEECH_NODES = env.urls("SPEECH_NODES", default=["embedded://"])
#: Scheme of a node's URL → its class, which takes the rest of the URL. `embedded://` is a child process of the worker
#: (with a folder: of a model for speech to text that it uses before its own),
#: `grpcs://` a node on another machine, `openai+https://` a service with OpenAI's interface.
SPEECH_SCHEMES = {
    "embedded": "meetings.speech.child_process.EmbeddedNode",
    "grpcs": "meetings.speech.remote.RemoteNode",
    "openai+http": "meetings.speech.openai_node.PlainOpenAINode",
    "openai+https": "meetings.speech.openai_node.OpenAINode",
}
#: How long a node may give no sign of life, and how long it may live without an answer.
SPEECH_SILENCE_SECONDS = 60.0
SPEECH_BUSY_SECONDS = 600.0

"""Recordings: their limits, and the nodes that transcribe them."""

from config.settings.base import DEBUG, env

#: The largest recording that is accepted, in bytes.
MAX_RECORDING_BYTES = env.int("MAX_RECORDING_BYTES", default=4_294_967_296)
#: Of one user: how many uploads may be unfinished, how many bytes those may announce, and how many bytes of recordings
#: may be stored beside them (0 = without limit). Administrators have no such limits.
UPLOADS_PER_USER = env.int("UPLOADS_PER_USER", default=50)
UPLOAD_BYTES_PER_USER = env.int("UPLOAD_BYTES_PER_USER", default=17_179_869_184)
RECORDING_BYTES_PER_USER = env.int("RECORDING_BYTES_PER_USER", default=0)
#: How much of the data folder's disk uploads leave free; below half of it the service is not ready any more.
DISK_RESERVE_BYTES = env.int("DISK_RESERVE_BYTES", default=1_073_741_824)
#: The longest recording that is processed, in seconds of sound, as decoded and not as its header claims.
MAX_RECORDING_SECONDS = env.int("MAX_RECORDING_SECONDS", default=43_200)
#: Nodes that process recordings, the preferred first: `embedded://` is a child process of the worker.
SPEECH_NODES = env.list("SPEECH_NODES", default=["embedded://"])
#: How long a node may give no sign of life, and how long it may live without an answer.
SPEECH_SILENCE_SECONDS = env.float("SPEECH_SILENCE_SECONDS", default=60)
SPEECH_BUSY_SECONDS = env.float("SPEECH_BUSY_SECONDS", default=600)
#: Whether nodes may be scripts, which invent transcripts: for tests.
SCRIPTED_SPEECH = DEBUG

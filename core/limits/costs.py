"""Costs of operations, in units of a caller's budget. A unit is about the work of reading one object."""

READ = 1
WRITE = 5
#: A watch, when it opens: its events cost nothing.
WATCH = 5
#: A file, which is sent to the client.
DOWNLOAD = 5
#: A read whose work grows with the data: search, statistics, comparisons.
SEARCH = 5
#: A stream of requests, when it opens: its messages are paced (`core.request_streams`).
REQUEST_STREAM = 20
#: A file that the client sends.
UPLOAD = 20
#: A file that is made for the call.
EXPORT = 50
#: The hash of a password, which takes some 50 ms of a processor.
PASSWORD_HASH = 50
#: Work for a worker that takes seconds to minutes: transcription, the reading of a drawing.
JOB = 50

"""The threads of this process that wait for the database."""

#: Their numbers (`threading.get_ident`) → since when (`time.monotonic`). Each thread adds and removes its own, so that
#: no lock is needed.
WAITING_THREADS: dict[int, float] = {}

"""The threads of this process that wait for the database, and so do not compute."""

#: Their numbers (`threading.get_ident`). Each thread adds and removes its own, so that no lock is needed.
WAITING_THREADS: set[int] = set()

"""The child process that converts speech to text.

A recogniser may hold Python's global interpreter lock for seconds and cannot be interrupted. In its own process it does
not block the node, and killing the process cancels its work. It exits when the node does, since that closes the pipe.
"""

import ctypes
import importlib
import signal
from collections.abc import Sequence
from multiprocessing.connection import Connection

#: The first message of the process, sent once the model is in memory; otherwise it sends the cause, a sentence.
READY = "ready"


def run(connection: Connection, module: str, arguments: Sequence[str]) -> None:
    """Transcribe each utterance from the pipe, until the pipe is closed.

    Args:
        module: the one of `speechnode.engines` with the recogniser.
        arguments: of the recogniser.
    """
    # Ctrl-C signals the whole process group, but the node decides when this process ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        try:
            recogniser = importlib.import_module(f"speechnode.engines.{module}").Recogniser(*arguments)
        except Exception as exc:
            connection.send(f"The model of {module} cannot be loaded ({type(exc).__name__}: {exc}).")
            return
        connection.send(READY)
        while True:
            language, pcm, is_draft = connection.recv()
            connection.send(recogniser.recognise(pcm, language, is_draft=is_draft))
            _return_memory()
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return


def _return_memory() -> None:
    """Return freed memory to the system, where the C library can: up to 55 MB after an utterance of 10 s."""
    if trim := getattr(ctypes.CDLL(None), "malloc_trim", None):
        trim(0)

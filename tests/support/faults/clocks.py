"""A clock that can be set for single processes."""

import struct
import subprocess
from pathlib import Path

_SOURCE = Path(__file__).parent / "clock.c"


class Clock:
    """The time of day of the processes that are started with `variables`. Their other clocks stay what they are.

    Args:
        folder: for the library that is loaded into the processes, and the file with how wrong the clock is.
    """

    def __init__(self, folder: Path) -> None:
        library, self._file = folder / "clock.so", folder / "clock"
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", library, _SOURCE, "-ldl"], check=True)
        self._file.write_bytes(bytes(8))
        self.variables = {"LD_PRELOAD": str(library), "CLOCK_AHEAD_FILE": str(self._file)}

    def set_ahead(self, seconds: int) -> None:
        """Set the clock so many seconds ahead at once; back, if they are negative."""
        # Written in place, because the processes have it mapped.
        with self._file.open("r+b") as file:
            file.write(struct.pack("@l", seconds))

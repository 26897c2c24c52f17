"""Write all files to the folder in the argument."""

import sys
from pathlib import Path

from tests.support.hostile_drawings import write

write(Path(sys.argv[1]))

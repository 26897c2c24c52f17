"""Settings of servers that tests start: the product's, with cheap password hashes and what a test changes."""

from config.settings import *
from tests.support import setting_overrides

ARGON2_MEMORY_KIB = 64
globals().update(setting_overrides.read(globals()))

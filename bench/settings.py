"""Settings of servers that benchmarks start: the product's, with the limits that a benchmark lifts."""

from config.settings import *
from tests.support import setting_overrides

globals().update(setting_overrides.read(globals()))

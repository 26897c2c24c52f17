"""Runs a proxy of deploy/ as a program: `scripts.dev.gateway`, for `scripts.dev.tether`."""

import sys

from scripts.dev.gateway import main

sys.exit(main(sys.argv[1:]))

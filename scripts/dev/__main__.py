"""The development server's command: runs all processes until Ctrl-C. See `scripts/start_grpc_dev.sh --help`."""

import asyncio
import logging
import sys

import environ
from django.core.exceptions import ImproperlyConfigured

from scripts.dev.environment import checked, environment_of, refuse_taken_ports
from scripts.dev.options import ROOT, StartError, parse
from scripts.dev.server import DevelopmentServer


def main() -> int:
    """Serve until Ctrl-C.

    Returns:
        The exit code.
    """
    logging.basicConfig(format="  %(message)s")
    if (ROOT / ".env").is_file():
        environ.Env.read_env(ROOT / ".env")
    options = parse(sys.argv[1:])
    print("Tandem, development server", flush=True)
    try:
        environment = checked(environment_of(options))
        refuse_taken_ports(options)
        return asyncio.run(DevelopmentServer(options, environment).serve())
    except ImproperlyConfigured as exc:
        print(f"The settings do not fit: {exc}", file=sys.stderr)
        return 1
    except StartError as exc:
        print(exc, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())

"""Build the documentation. See `scripts.site`."""

import argparse
import os
import sys

from scripts.site.build import SITE, SiteError, build, is_current


def main() -> int:
    """Run the command.

    Returns:
        The exit code: 1 if a link is broken or a page is not listed, which is printed.
    """
    parser = argparse.ArgumentParser(prog="python -m scripts.site", description="Build the documentation into site/.")
    parser.add_argument("--force", action="store_true", help="also if no source has changed")
    options = parser.parse_args()
    if is_current() and not options.force:
        return 0
    # The descriptors are read with the settings of development, which need no secret and no database.
    os.environ |= {"DJANGO_SETTINGS_MODULE": "config.settings", "DEBUG": "true", "DEV_AUTH_AS": ""}
    try:
        build(SITE)
    except SiteError as exc:
        print(exc, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Shared parts of the admin site, and the pages of `core`'s tables.

`lists`: lists that stay fast. `inlines`: the newest related rows. `writes`: writing through services.
"""

from core.admin import jobs as jobs  # Django's autodiscovery imports this package.

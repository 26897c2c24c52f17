"""What the pages of the admin site have in common, and the pages of `core`'s own tables.

`lists`: lists that stay quick. `inlines`: the newest rows that belong to another. `writes`: writing through services.
"""

from core.admin import jobs as jobs  # Where Django looks for what is registered.

"""The admin application of Django, with our site in place of its own."""

from typing import Any

from django.contrib import admin
from django.contrib.admin import apps
from django.contrib.admin.checks import check_admin_app, check_dependencies
from django.core import checks


class AdminConfig(apps.SimpleAdminConfig):
    """The application of the admin site.

    `config.urls` imports the modules of the site, so that processes without HTTP start without them (0.2 s and 20 MB).
    """

    default_site = "config.admin_site.AdminSite"

    def ready(self) -> None:
        checks.register(check_dependencies, checks.Tags.admin)
        checks.register(_check_site, checks.Tags.admin)


def _check_site(**options: Any) -> list[checks.CheckMessage]:
    admin.autodiscover()
    return list(check_admin_app(**options))

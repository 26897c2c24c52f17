"""The admin application of Django, with our site in place of its own."""

from django.contrib.admin import apps


class AdminConfig(apps.AdminConfig):
    default_site = "config.admin_site.AdminSite"

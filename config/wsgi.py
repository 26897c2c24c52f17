"""The WSGI application: all HTTP paths except streams of events."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

from django.core.wsgi import get_wsgi_application

from core.rest.bodies import with_length

application = with_length(get_wsgi_application())

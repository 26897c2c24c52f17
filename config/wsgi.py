"""The WSGI application: everything over HTTP but streams."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

from django.core.wsgi import get_wsgi_application

from core.rest.bodies import with_length

application = with_length(get_wsgi_application())

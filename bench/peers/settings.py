"""Django's settings of the peers: the product's database, and nothing around a request."""

import os

SECRET_KEY = "measurements"
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "HOST": os.environ["PEERS_DATABASE_HOST"],
        "PORT": os.environ["PEERS_DATABASE_PORT"],
        "NAME": os.environ["PEERS_DATABASE_NAME"],
        "USER": os.environ["PEERS_DATABASE_USER"],
        "CONN_MAX_AGE": None,
    }
}
INSTALLED_APPS = os.environ["PEERS_APPS"].split()
ALLOWED_HOSTS = ["*"]
USE_TZ = True
ROOT_URLCONF = os.environ["ROOT_URLCONF"]
REST_FRAMEWORK = {
    "UNAUTHENTICATED_USER": None,
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_PERMISSION_CLASSES": [],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
}
GRPC_FRAMEWORK = {"GRPC_ASYNC": False}

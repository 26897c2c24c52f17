"""The settings of the server: the only part that reads the environment.

Values come from the environment, then from `.env` if that file exists, then from the defaults here. `.env.example`
lists every variable; all other settings are constants, or follow from another setting.
"""

from config.settings.base import *
from config.settings.database import *
from config.settings.grpc import *
from config.settings.http import *
from config.settings.jobs import *
from config.settings.mail import *
from config.settings.security import *
from config.settings.speech import *
from config.settings.streams import *

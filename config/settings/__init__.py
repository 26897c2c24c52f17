"""The settings of the server: the only part that reads the environment.

Values come from the environment, then from `.env` if that file exists, then from the defaults here. `.env.example` and
docs/operate/settings.md list every variable; all other settings are constants, or follow from another setting.
"""

from config import environment, variables
from config.settings.base import *
from config.settings.base import BASE_DIR, env
from config.settings.database import *
from config.settings.drawings import *
from config.settings.grpc import *
from config.settings.http import *
from config.settings.jobs import *
from config.settings.limits import *
from config.settings.mail import *
from config.settings.monitoring import *
from config.settings.security import *
from config.settings.speech import *
from config.settings.streams import *

#: One sentence for each variable that is set in vain; `core` logs them at the start.
START_WARNINGS = variables.warnings(env, environment.names_in(BASE_DIR / ".env"))

"""Services that change users and their addresses, with the checks of permissions and rules."""

from users.services.accounts import (
    MAX_REASON_LENGTH,
    deactivate_user,
    delete_user,
    reactivate_user,
    record_login,
    update_preferences,
    update_user,
)
from users.services.addresses import add_address, delete_address, set_default_address, update_address
from users.services.creation import create_service_account, create_user
from users.services.imports import build_imported_users, check_may_import, import_answer, import_users
from users.services.passwords import (
    change_password,
    request_password_reset,
    reset_password,
)
from users.services.staff import set_staff
from users.services.verification import (
    confirm_email_verification,
    get_user_to_verify,
    verify_email,
)

__all__ = [
    "MAX_REASON_LENGTH",
    "add_address",
    "build_imported_users",
    "change_password",
    "check_may_import",
    "confirm_email_verification",
    "create_service_account",
    "create_user",
    "deactivate_user",
    "delete_address",
    "delete_user",
    "get_user_to_verify",
    "import_answer",
    "import_users",
    "reactivate_user",
    "record_login",
    "request_password_reset",
    "reset_password",
    "set_default_address",
    "set_staff",
    "update_address",
    "update_preferences",
    "update_user",
    "verify_email",
]

"""Settings of `make run`: one machine, one person, nothing to install."""

from esap.settings.base import *  # noqa: F403
from esap.settings.base import DATA_DIR, ENV, SECRET_KEY
from esap.settings.secret import kept_secret

SECRET_KEY = SECRET_KEY or kept_secret(DATA_DIR / "secret-key")
VAULT_KEYS = ENV.vault_keys or [SECRET_KEY]
LOCAL_LOGIN = ENV.local_login is not False

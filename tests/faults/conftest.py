"""Sets the environment of this process before the Celery application is made."""

import tests.faults  # noqa: F401

"""gunicorn: each worker has a client of its own, and its calls finish when it ends.

Needs: pip install gunicorn, and the module of your app with a `client` of relay_sync in it, such
as flask_service_sync.py or django_service_sync.py. And SIGNALWIRE_PROJECT_ID,
SIGNALWIRE_API_TOKEN and SIGNALWIRE_SPACE, the host of your space.
Run: gunicorn --config deploy/gunicorn.conf.py flask_service_sync:app
     gunicorn --config deploy/gunicorn.conf.py django_service_sync:application
"""

import importlib
from typing import Any

DRAIN = 20
"""Seconds that calls get when their worker ends. Then they are hung up."""

worker_class = "gthread"
workers = 2
threads = 8
graceful_timeout = DRAIN + 10  # after this, gunicorn kills the worker


def client_of(worker: Any) -> Any:
    """Return the client of the app that this worker has loaded."""
    return importlib.import_module(worker.app.app_uri.partition(":")[0]).client


def post_worker_init(worker: Any) -> None:
    """Connect in the worker: a connection does not outlive the fork."""
    client_of(worker).connect(retry=True, timeout=60)


def worker_exit(_server: Any, worker: Any) -> None:
    """Take no more calls, and let those that are up finish."""
    client_of(worker).drain(DRAIN, hang_up=True)

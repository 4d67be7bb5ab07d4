"""One of several workers behind one address: what each process of `serve --workers` runs."""

from __future__ import annotations

import os
from typing import Final

from fastapi import FastAPI
from sqlalchemy import make_url

from cloud.app import create_lasting_app
from cloud.database import Database
from cloud.logs import set_up_logs
from cloud.settings import Settings

# Set by the parent, which has migrated the database; as secret as the database's own address.
URL_VARIABLE: Final = "YUYUE_CLOUD_WORKER_DATABASE_URL"


def application() -> FastAPI:
    """The application on the database that the parent names."""
    set_up_logs()
    settings = Settings()
    url = make_url(os.environ[URL_VARIABLE])
    return create_lasting_app(settings, Database(url, pool_size=settings.database_pool_size))

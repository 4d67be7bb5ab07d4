"""Photos are kept sealed. Those that are there already: `yuyue cloud rotate-keys`."""

from __future__ import annotations

from cloud.migrations.tenancy import run

revision = "0023"
down_revision = "0022"

# A sealed picture is its JPEG and less than 100 bytes more (format, key, nonce, tag).
SCRIPT = """
ALTER TABLE photo
    ADD COLUMN sealed bytea CHECK (octet_length(sealed) <= 1048576 + 128),
    ALTER COLUMN jpeg DROP NOT NULL,
    ADD CONSTRAINT photo_is_there CHECK ((sealed IS NULL) <> (jpeg IS NULL))
"""


def upgrade() -> None:
    """Forward only."""
    run(SCRIPT)

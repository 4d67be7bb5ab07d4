"""The driver's own cursor in a scope's transaction: whole arrays, binary both ways."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt
from psycopg import AsyncCursor

from cloud.clock import NS_PER_S
from cloud.database import TenantScope
from cloud.series.arrays import read_array, teach

DAY_NS: Final = 86_400 * NS_PER_S
HOUR_NS: Final = 3_600 * NS_PER_S


async def driver_cursor(scope: TenantScope) -> AsyncCursor[Any]:
    """Close it after use."""
    connection = await (await scope.session.connection()).get_raw_connection()
    driver = connection.driver_connection
    if driver is None:
        raise RuntimeError("the connection is closed")
    cursor: AsyncCursor[Any] = driver.cursor(binary=True)
    return teach(cursor)


def array_in(cursor: AsyncCursor[Any], column: int, dtype: str) -> npt.NDArray[Any]:
    """The array in a column of the only row of the answer, as native numbers."""
    result = cursor.pgresult
    if result is None:
        raise RuntimeError("no answer to read")
    values = read_array(result.get_value(0, column), dtype)
    return values.astype(np.dtype(dtype).newbyteorder("="))

"""Whole arrays out of an answer."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt
from psycopg import AsyncCursor

from cloud.arrays import read_array
from cloud.clock import NS_PER_S

DAY_NS: Final = 86_400 * NS_PER_S
HOUR_NS: Final = 3_600 * NS_PER_S


def array_in(cursor: AsyncCursor[Any], column: int, dtype: str) -> npt.NDArray[Any]:
    """The array in a column of the only row of the answer, as native numbers."""
    result = cursor.pgresult
    if result is None:
        raise RuntimeError("no answer to read")
    values = read_array(result.get_value(0, column), dtype)
    return values.astype(np.dtype(dtype).newbyteorder("="))

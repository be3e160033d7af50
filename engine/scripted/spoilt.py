"""Embeddings as a server that misbehaves gives them."""

import base64
import math
import struct
from typing import Any

from engine.scripted.faults import FaultKind


def spoilt(answer: dict[str, Any], kind: FaultKind) -> dict[str, Any]:
    """The answer with what the fault does to it; unchanged for a fault of another kind."""
    rows = answer["data"]
    first = rows[0]["embedding"]
    match kind:
        case FaultKind.WRONG_LENGTH:
            rows = [{**row, "embedding": row["embedding"][::2]} for row in rows]
        case FaultKind.NOT_A_NUMBER:
            rows = [{**rows[0], "embedding": [math.nan, *first[1:]]}, *rows[1:]]
        case FaultKind.INFINITE:
            rows = [{**rows[0], "embedding": [math.inf, *first[1:]]}, *rows[1:]]
        case FaultKind.ALL_ZERO:
            rows = [{**row, "embedding": [0.0] * len(first)} for row in rows]
        case FaultKind.TOO_FEW:
            rows = rows[:-1]
        case FaultKind.SHUFFLED:
            rows = rows[::-1]
        case FaultKind.MISNUMBERED:
            rows = [{**row, "index": 7} for row in rows]
        case FaultKind.BASE64:
            rows = [{**row, "embedding": _packed(row["embedding"])} for row in rows]
    return {**answer, "data": rows}


def _packed(vector: list[float]) -> str:
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()

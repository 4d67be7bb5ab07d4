"""Fit the weights of `edge.vitals.still` on belt nights, and measure them night by night."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np

from edge.signals import NS_PER_S, FloatArray
from edge.vitals import still
from edge.vitals.bank import MAX_DISAGREEMENT, VitalsBank
from edge.vitals.still import History, Look
from edge.vitals.training.recordings import BELT_RATE_HZ, BeltNight, belt_nights, blocks

# Share of the quiet windows with a reference that should be answered.
ANSWER: Final = 0.93
_FOLDS: Final = 9


def collect(night: BeltNight) -> tuple[FloatArray, FloatArray]:
    """Features (n, 10) of each reference window as the bank sees it, and disagreement (n,)."""
    seen: dict[int, FloatArray] = {}
    apart: dict[int, float] = {}

    def trace(_: str, end_ns: int, look: Look, history: History) -> None:
        seen[end_ns] = still.features(look, history)
        apart[end_ns] = look.disagreement

    bank = VitalsBank(trace)
    bank.open(night.record)
    for block in blocks(night.record, night.counts, BELT_RATE_HZ):
        bank.process([block])
    ends = [round(t * NS_PER_S) for t in night.t_end_s]
    return np.array([seen[end] for end in ends]), np.array([apart[end] for end in ends])


def learn(x: FloatArray, y: FloatArray) -> Any:
    """A logistic regression."""
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415  train extra only

    return LogisticRegression(max_iter=5000).fit(x, y)


def fit(data_dir: Path) -> str:
    """The weights, and what they do to nights they have not seen, as text."""
    nights = belt_nights(data_dir)
    parts = [collect(night) for night in nights]
    x = np.concatenate([part[0] for part in parts])
    apart = np.concatenate([part[1] for part in parts])
    y = np.concatenate([night.moving for night in nights])
    reference = np.isfinite(np.concatenate([night.rate for night in nights]))
    fold = np.repeat(np.arange(len(nights)) % _FOLDS, [len(part[0]) for part in parts])
    probability = np.zeros(len(y))
    for k in range(_FOLDS):
        model = learn(x[fold != k], y[fold != k])
        probability[fold == k] = model.predict_proba(x[fold == k])[:, 1]
    agreed = apart <= MAX_DISAGREEMENT
    limit = float(
        np.sort(np.where(agreed, probability, 2.0)[reference])[int(ANSWER * reference.sum())]
    )
    answered = agreed & (probability < limit)
    model = learn(x, y)
    return (
        f"INTERCEPT {model.intercept_[0]:.4f}\n"
        f"WEIGHTS {tuple(round(float(w), 4) for w in model.coef_[0])}\n"
        f"MOVING_FROM {limit:.3f}\n"
        f"out of night: answered {answered[reference].mean():.3f}, "
        f"moving answered {answered[y == 1].mean():.4f} of {int(y.sum())}\n"
    )

"""Where a block's samples go in a stream: gaps bridged, overlaps cut, older blocks left out."""

from __future__ import annotations

from typing import Final

import numpy as np

from edge.fall.bank import Bank
from edge.fall.stream import Stream
from edge.signals import NS_PER_S, Int16Array, Waveform

# Gaps up to this long are bridged by straight lines: one lost one-second block with its jitter.
# Longer ones are not: a line through an unseen impact would be an invention.
FILL_MAX_S: Final = 1.25
# A block that follows the last one by number has lost nothing, whatever its time stamp says;
# beyond this it is a clock step or a pause, not jitter of the radio.
JITTER_MAX_S: Final = 0.25


def align(stream: Stream, bank: Bank, block: Waveform) -> Int16Array | None:
    """The samples to append for `block`; None if it is older than what the stream has.

    The stream is already one of `bank`. Starts a new segment where nothing can bridge the gap.
    """
    expected_ns = bank.time_ns(stream.row, int(bank.count[stream.row]))
    offset_s = (block.start_ns - expected_ns) / NS_PER_S
    steps = round(offset_s * bank.rate_hz)
    if steps == 0:
        return block.counts
    number = (block.boot_id, block.sequence_number)
    last = (stream.boot_id, stream.sequence_number)
    if number == (last[0], last[1] + 1) and abs(offset_s) <= JITTER_MAX_S:
        bank.anchor(stream.row, block.start_ns)
        return block.counts
    if steps > 0:
        return _bridge(stream, bank, block, steps)
    if number > last and block.end_ns <= expected_ns:
        break_off(stream, bank, block.start_ns, 0.0)  # newer by number: the clock stepped back
        return block.counts
    if -steps >= len(block.counts):
        stream.counters.older_blocks += 1
        return None
    return block.counts[-steps:]


def _bridge(stream: Stream, bank: Bank, block: Waveform, missing: int) -> Int16Array:
    lost_s = missing / bank.rate_hz
    count = int(bank.count[stream.row])
    if lost_s > FILL_MAX_S or count == bank.segment[stream.row]:
        break_off(stream, bank, block.start_ns, lost_s)
        return block.counts
    last = bank.recent(stream.row, count - 1, count - 1)[0]
    share = np.arange(1, missing + 1)[:, None] / (missing + 1)
    line = np.rint(last + (block.counts[0].astype(np.float64) - last) * share)
    stream.counters.filled_samples += missing
    return np.concatenate([line.astype(np.int16), block.counts])


def break_off(stream: Stream, bank: Bank, start_ns: int, lost_s: float) -> None:
    """What comes next, at `start_ns`, does not follow what was before. An episode goes on."""
    stream.counters.gaps += 1
    bank.new_segment(stream.row, start_ns)
    episode = stream.episode
    if episode is not None:
        episode.frozen = True
        episode.second_end = int(bank.count[stream.row]) + bank.piece - 1
        if episode.follow.lost(round(lost_s)) is not None:
            stream.episode = None

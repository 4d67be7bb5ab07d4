"""`yuyue cloud rehearse`: a made-up district lives its month through the real services.

A diary (JSON lines, written by `yuyue sim district`) says who is there and what happened when.
Every line goes through what a real one would: batches of gateways through the intake, moves,
checks, visits, assessments, tests, drills and leave through the services that the routes call, each
at its own time. Only the clock is not real. Then the indicators are counted, as the job does, and
told as the bureau reads them. For a database of its own: the people are made up.
"""

from cloud.bureau.rehearsal.diary import DiaryError, read_diary
from cloud.bureau.rehearsal.live import JOBS, Rehearsal

__all__ = ["JOBS", "DiaryError", "Rehearsal", "read_diary"]

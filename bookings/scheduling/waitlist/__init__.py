"""The waiting list: who waits, whose turn it is, offers as holds, and answers (contract, 8).

`entries` puts families on the list and takes them off. `settling` makes the offers that are due:
whoever reads a practice calls it, and so does the worker. An offer is a hold by the clock
(`offers`), which ends as any hold does; `answers` takes the place or gives it back. `turn` keeps
what became free for the family whose turn it is until it has been offered.

Each change locks bookings, then the list (`rows.lock`), then the feed: ADR 0004.
"""

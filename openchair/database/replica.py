"""Reads from a replica (DATABASE_REPLICA_URL), where it has come as far as a read has to be."""

import logging
import time
from collections.abc import Callable
from typing import TypeVar

from django.db import DEFAULT_DB_ALIAS, DatabaseError, InterfaceError, connections, transaction

logger = logging.getLogger(__name__)

ALIAS = "replica"
REST = 30
"""Seconds for which a replica that did not answer is not asked again."""

Found = TypeVar("Found")


class NotThere(Exception):
    """What is looked for has to be found at the primary."""


class Outage:
    """Until when (monotonic clock, seconds) the replica is left alone."""

    until = 0.0


def read(is_current: Callable[[str], bool], find: Callable[[str], Found]) -> Found:
    """Find something at the replica if it is current there, or else at the primary.

    Both are given the database's alias. At the replica both see one snapshot, so what is found
    there is as new as what made it current. `find` may raise NotThere at the replica.
    """
    if ALIAS in connections.settings and time.monotonic() >= Outage.until:
        try:
            with transaction.atomic(using=ALIAS):
                if is_current(ALIAS):
                    return find(ALIAS)
        except NotThere:
            pass
        except (DatabaseError, InterfaceError) as error:
            # Gone, or the query was in the way of what was to be replayed.
            Outage.until = time.monotonic() + REST
            logger.error("the replica is left alone for %s s: %s", REST, type(error).__name__)
    return find(DEFAULT_DB_ALIAS)

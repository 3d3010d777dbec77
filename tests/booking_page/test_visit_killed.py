"""A server that is killed while a visit moves leaves it in its old place or the new one."""

import os
from itertools import count
from typing import Any, NoReturn

import pytest
from django.db import connection

from bookings.models import Booking
from tests.booking_page.visits import House, Phone, seen
from tests.test_races import inconsistencies

KILLED = 9


def lives(phone: Phone, to: str, was: str, *, statements: int) -> bool:
    """Move in another process, which dies after so many statements; return whether it lived."""
    child = os.fork()
    if child == 0:
        _move(phone, to, was, statements)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status in {0, KILLED}
    return status == 0


def _move(phone: Phone, to: str, was: str, statements: int) -> NoReturn:
    left = count(statements - 1, -1)

    def execute_and_die(execute: Any, *args: Any) -> Any:
        result = execute(*args)
        if next(left) == 0:
            os._exit(KILLED)
        return result

    try:
        with connection.execute_wrapper(execute_and_die):
            answer = phone.send("/move/check", was, f"?time={to}")
        os._exit(0 if answer.status_code == 303 else 1)
    finally:
        os._exit(1)


@pytest.mark.django_db(transaction=True)
def test_killed_after_any_statement_it_has_one_place(clock: Any) -> None:
    house = House()
    phone, there = Phone(visit := house.visit()), house.opening(4)
    was, lived, statements = seen(phone.get("/move/check", time=there.pk).text), False, 0
    while not lived:
        statements += 1
        connection.close()  # no process uses another's
        lived = lives(phone, there.pk, was, statements=statements)
        places = {each.pk: each.places_taken for each in Booking.objects.all()}
        assert places == {visit.booking_id: int(not lived), there.pk: int(lived)}
        assert (phone.now().booking_id == there.pk) is lived
        assert inconsistencies() == []
    assert statements > 10

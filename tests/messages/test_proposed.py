"""Mail about proposed times: sent while they are on hold, and not a second longer."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from time_machine import Traveller

from bookings.messages import queue
from bookings.messages.mail import facts
from bookings.messages.mail.sending import MailHandler
from bookings.models import (
    Appointment,
    Delivery,
    DropReason,
    Proposal,
    ProposalOutcome,
    Queue,
    TaskKind,
)
from bookings.scheduling import proposals
from bookings.scheduling.actors import PATIENT
from practices.models import Kind
from tests.factories import NOON, location
from tests.messages.mails import MailScene


def end(outcome: ProposalOutcome) -> Callable[[MailScene, Proposal], None]:
    def act(scene: MailScene, proposal: Proposal) -> None:
        by = scene.staff if outcome == ProposalOutcome.WITHDRAWN else PATIENT
        proposals.end(proposal=proposal, outcome=outcome, by=by, now=NOON)

    return act


def give_time(scene: MailScene, proposal: Proposal) -> None:
    scene.give_time(proposal.appointment)


def send() -> None:
    """Send all mail that is due."""
    while (task := queue.claim(Queue.MAIL)) is not None:
        MailHandler().run(task)


def became() -> Delivery:
    return Delivery.objects.get(kind=TaskKind.PROPOSAL)


@pytest.fixture
def scene(db: None, clock: Any) -> MailScene:
    return MailScene(Kind.RANGE)


def test_it_is_sent_beside_the_first_mail_and_is_not_what_the_family_was_told(
    scene: MailScene,
) -> None:
    visit = scene.take()
    scene.propose(visit)
    send()
    assert [each.subject for each in mail.outbox] == [
        "Your place is reserved: Tuesday, June 2, 2026",
        "The office proposes other times for your visit",
    ]
    Delivery.objects.exclude(kind=TaskKind.PROPOSAL).delete()
    rows = Appointment.objects.select_related("booking__location", "booking__practice")
    assert facts.last_told(rows.get(pk=visit.pk)) is None


@pytest.mark.parametrize(
    "overtake", [end(ProposalOutcome.OTHERS), end(ProposalOutcome.WITHDRAWN), give_time]
)
def test_it_is_dropped_once_the_times_are_not_proposed_any_more(
    scene: MailScene, overtake: Callable[[MailScene, Proposal], None]
) -> None:
    overtake(scene, scene.propose(scene.take()))
    send()
    assert became().reason == DropReason.OVERTAKEN


def test_it_is_dropped_once_they_have_ended(scene: MailScene, clock: Traveller) -> None:
    scene.propose(scene.take())
    clock.shift(timedelta(hours=4))
    send()
    assert became().reason == DropReason.TOO_LATE


def test_it_says_which_office_where_there_are_two(scene: MailScene) -> None:
    there = location(scene.practice, name="Kirkwood")
    scene.doctor.locations.add(there)
    visit = scene.take()
    other = scene.booking(location_id=there.pk, start_datetime=NOON + timedelta(days=3))
    assert other.start_datetime is not None
    choices = [
        proposals.Choice(visit.booking_id, NOON + timedelta(hours=22)),
        proposals.Choice(other.pk, other.start_datetime),
    ]
    proposals.propose(appointment_id=visit.pk, choices=choices, by=scene.staff, now=NOON)
    send()
    text = str(mail.outbox[-1].body)
    assert "Proposed: Tuesday, June 2, 2026, 10:00 AM (Eastern Time), Chesterfield" in text
    assert "Proposed: Thursday, June 4, 2026, 12:00 PM (Eastern Time), Kirkwood" in text
    assert "Where:" not in text

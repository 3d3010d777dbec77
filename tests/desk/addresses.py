"""Every address of the admin, with another practice's ids, and what an answer leaks of it."""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.urls import URLPattern, URLResolver, get_resolver

from bookings.desk import calls
from bookings.models import Call, OfferOutcome, WaitlistOffer
from tests.desk.world import House
from tests.factories import NOON
from tests.waitlist.families import join


def patterns(resolver: URLResolver, before: str = "") -> Iterator[str]:
    """List every URL below a resolver, with <names> for its arguments."""
    for entry in resolver.url_patterns:
        route = before + str(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from patterns(entry, route)
        elif isinstance(entry, URLPattern):
            yield route


def admin_patterns() -> list[str]:
    """List every URL of the admin."""
    root = get_resolver()
    (under,) = [e for e in root.url_patterns if str(e.pattern) == "admin/"]
    assert isinstance(under, URLResolver)
    return [f"/admin/{route}" for route in patterns(under)]


def filled(mine: House, other: House) -> Iterator[str]:
    """Fill a URL with the other practice's ids, and with one id of one's own each way."""
    of_other = {model._meta.label_lower: row.pk for model, row in other.rows().items()}
    of_mine = {model._meta.label_lower: row.pk for model, row in mine.rows().items()}
    for house, ids in ((other, of_other), (mine, of_mine)):
        calls.ask([house.appointment], user_id=house.staff.pk, now=NOON)
        ids["bookings.call"] = Call.objects.get(practice=house.practice).pk
        offer = offered(house)
        ids["bookings.waitlistoffer"], ids["bookings.waitlistentry"] = offer.pk, offer.entry_id
    for route in admin_patterns():
        if "(?P<url>" in route:
            yield "/admin/there/is/nothing/"
            continue
        if "(?P<app_label>" in route:
            yield from (f"/admin/{app}/" for app in ("practices", "bookings", "auth", "api"))
            continue
        model = re.match(r"/admin/(\w+)/(\w+)/", route)
        label = f"{model[1]}.{model[2]}" if model else ""
        for ids, practice in ((of_other, other), (of_mine, other), (of_other, mine)):
            keys = {
                "practice_id": practice.practice.pk,
                "booking_id": ids["bookings.booking"],
                "appointment_id": ids["bookings.appointment"],
                "call_id": ids["bookings.call"],
                "entry_id": ids["bookings.waitlistentry"],
                "offer_id": ids["bookings.waitlistoffer"],
                "partner_id": ids["practices.partner"],
                "key_id": ids["practices.apikey"],
                "webhook_id": ids["bookings.webhook"],
                "delivery_id": "nothing",
                "object_id": ids.get(label, "nothing"),
                "id": ids.get(label, "nothing"),
                "pk": ids.get(label, 0),
                "uidb64": "MQ",
                "token": "made-up",
            }
            names = re.findall(r"<(?:\w+:)?(\w+)>", route)
            yield re.sub(r"<[^>]+>", "{}", route).format(*(keys[name] for name in names))


def offered(house: House) -> WaitlistOffer:
    """Return an offer that a family on the practice's list has had; its place is free again."""
    known = WaitlistOffer.objects.filter(entry__practice=house.practice).first()
    return known or WaitlistOffer.objects.create(
        entry=join(house.practice, f"{house.word}ella"),
        booking=house.booking,
        places=1,
        freed_at=NOON,
        until=NOON + timedelta(hours=4),
        made_at=NOON,
        outcome=OfferOutcome.WITHDRAWN,
        ended_at=NOON,
    )


def lists() -> list[str]:
    """List the changelists of all registered models."""
    return [
        f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
        for model in admin.site._registry
    ]


DESK_LISTS = ("patients/", "openings/", "openings/openings.csv", "weekly/", "history/")


def leaks(response: Any, other: House, asked: str) -> list[str]:
    """Return the other practice's words that an answer has and the request had not."""
    said = response.content.decode() + str(response.headers) + str(response.cookies)
    return [
        word for word in other.secrets() if word in said.replace(asked, "") and word not in asked
    ]

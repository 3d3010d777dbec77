"""The admin's pages of a partner's webhooks: operators only, secrets shown once, all recorded."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import reverse
from time_machine import Traveller

from bookings.messages.webhooks import endpoints
from bookings.models import SUBSCRIBED, OffReason, Webhook, WebhookDelivery
from practices.models import Partner
from tests import factories
from tests.conftest import only_once_on_sqlite
from tests.desk.world import House, browser, forms, person, said
from tests.factories import NOON

pytestmark = only_once_on_sqlite

URL = "https://partner.example/openchair"
FIELDS = {"url": URL, "types": [*SUBSCRIBED]}
SECRET = re.compile(r'<code id="secret-text">(whsec_[^<]+)</code>')


@pytest.fixture
def house(db: None, clock: Any) -> House:
    return House("Quillon")


@pytest.fixture
def operator(house: House) -> Client:
    return browser(person("operator", is_superuser=True))


def pages(house: House, page: str = "") -> str:
    """Return the URL of a page of the house's webhook."""
    return f"/admin/partners/{house.partner.pk}/webhooks/{house.webhook.pk}/{page}"


def once(operator: Client, path: str) -> str:
    found: str = re.findall(r'name="once" value="([^"]+)"', operator.get(path).content.decode())[0]
    return found


def add(operator: Client, partner: Partner, **fields: Any) -> Any:
    path = f"/admin/partners/{partner.pk}/webhooks/"
    sent = {**FIELDS, "once": once(operator, path), **fields}
    return operator.post(f"{path}add/", sent, follow=True)


def delivery(house: House, nth: int = 1, **values: Any) -> WebhookDelivery:
    made = {"type": SUBSCRIBED[0], "practice": house.practice, "sequence": nth, "body": "{}"}
    return house.webhook.deliveries.create(
        **{**made, "status": "delivered", "created_at": NOON, **values}
    )


def test_a_secret_is_shown_once_and_left_nowhere(house: House, operator: Client) -> None:
    added = add(operator, house.partner, practices=[house.practice.pk])
    (secret,) = SECRET.findall(added.content.decode())
    assert "no-store" in added.headers["Cache-Control"]
    webhook = Webhook.objects.get(url=URL)
    assert endpoints.secrets_of(webhook, NOON) == [secret]
    assert [*webhook.practices.all()] == [house.practice]
    again = operator.get(reverse("admin:partner_webhook", args=[house.partner.pk, webhook.pk]))
    assert secret not in again.content.decode()
    kept = [str(each.get_decoded()) for each in Session.objects.all()]
    kept += LogEntry.objects.values_list("change_message", flat=True)
    assert not [text for text in kept if secret in text]


def test_a_reload_adds_no_second_one_and_makes_no_second_secret(
    house: House, operator: Client
) -> None:
    path = f"/admin/partners/{house.partner.pk}/webhooks/"
    sent = {**FIELDS, "once": once(operator, path)}
    for _ in range(2):
        answer = operator.post(f"{path}add/", sent, follow=True)
    assert "cannot be shown again" in said(answer)
    assert house.partner.webhooks.count() == 2
    sent = {"once": once(operator, pages(house))}
    first, second = (operator.post(pages(house, "rotate/"), sent, follow=True) for _ in range(2))
    assert SECRET.search(first.content.decode())
    assert not SECRET.search(second.content.decode())


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("url", "http://partner.example/", "https://"),
        ("url", "", "required"),
        ("types", [], "required"),
        ("types", ["webhook.ping"], "not one of the available choices"),
        ("practices", ["nowhere"], "nowhere"),
    ],
)
def test_what_is_wrong_is_said_and_what_was_typed_is_kept(
    field: str, value: Any, says: str, house: House, operator: Client
) -> None:
    before = Webhook.objects.values().get()
    answer = add(operator, house.partner, **{field: value})
    assert answer.status_code == 400
    assert says in said(answer)
    changed = operator.post(pages(house, "edit/"), {**FIELDS, field: value})
    assert changed.status_code == 400
    assert 'name="url" value="http' in changed.content.decode() or field == "url"
    assert Webhook.objects.values().get() == before


def test_only_granted_practices_can_be_chosen_and_what_is_named_stays(
    house: House, operator: Client
) -> None:
    other = factories.practice(name="Elsewhere")
    assert "Elsewhere" not in said(operator.get(pages(house)))
    refused = operator.post(pages(house, "edit/"), {**FIELDS, "practices": [other.pk]})
    assert refused.status_code == 400
    house.webhook.practices.add(other)  # granted then, and not any more
    (form,) = [each for each in forms(operator.get(pages(house))) if "types" in each]
    assert form["practices"] == [other.pk]
    operator.post(pages(house, "edit/"), {**form, "url": f"{URL}/2"})
    assert [*house.webhook.practices.all()] == [other]


def test_an_edit_is_recorded_with_what_changed(house: House, operator: Client) -> None:
    operator.post(pages(house, "edit/"), {"url": URL, "types": ["booking.changed"]})
    house.webhook.refresh_from_db()
    assert (house.webhook.url, house.webhook.types) == (URL, ["booking.changed"])
    page = said(operator.get(f"/admin/partners/{house.partner.pk}/webhooks/"))
    assert f"operator Changed “Address and Tell it when” of webhook {URL}" in page


def test_a_secret_is_changed_with_both_for_a_day_and_the_old_one_ended(
    house: House, operator: Client, clock: Traveller
) -> None:
    def change(**force: str) -> str:
        sent = {"once": once(operator, pages(house)), **force}
        answer = operator.post(pages(house, "rotate/"), sent, follow=True)
        found = SECRET.findall(answer.content.decode())
        return found[0] if found else said(answer)

    def signs() -> list[str]:
        return endpoints.secrets_of(Webhook.objects.get(), NOON)

    (first,) = signs()
    second = change()
    assert signs() == [second, first]
    assert "changed already" in change()
    third = change(force="yes")
    assert signs() == [third, second]
    assert "It signs until Tue, Jun 2, 2026, 4:00 PM UTC" in said(operator.get(pages(house)))
    operator.post(pages(house, "end-rotation/"))
    assert signs() == [third]
    assert "It signs until" not in said(operator.get(pages(house)))


def test_every_act_is_in_the_partners_history(house: House, operator: Client) -> None:
    one = delivery(house)
    acts: list[tuple[str, dict[str, Any], str]] = [
        ("test/", {}, "Sent a test to webhook"),
        ("switch/", {"on": "no"}, "Switched off webhook"),
        ("switch/", {"on": "yes"}, "Switched on webhook"),
        ("rotate/", {"once": once(operator, pages(house))}, "Changed the secret of webhook"),
        ("end-rotation/", {}, "Ended the old secret of webhook"),
        (f"replay/{one.pk}/", {}, f"Sent delivery {one.pk} again to webhook"),
        ("replay/", {"hours": "2"}, "Sent the deliveries of the last 2 hours again to webhook"),
        ("delete/", {}, "Deleted webhook"),
    ]
    for act, sent, recorded in acts:
        # As a login does that ended meanwhile.
        assert "so nothing was done" in said(operator.get(pages(house, act), follow=True))
        operator.post(pages(house, act), sent)
        entry = LogEntry.objects.latest("pk")
        assert (entry.change_message, entry.object_id) == (
            f"{recorded} {house.webhook.url}",
            house.partner.pk,
        )
    assert not Webhook.objects.exists()


def test_it_is_switched_off_by_hand_and_on_again_after_any_failure(
    house: House, operator: Client
) -> None:
    operator.post(pages(house, "switch/"), {"on": "no"})
    assert "Off: switched off by hand" in said(operator.get(pages(house)))
    values = {"off_reason": OffReason.FAILING, "failures": 12, "failing_since": NOON}
    Webhook.objects.update(**values)
    listed = said(operator.get("/admin/bookings/webhook/"))
    assert "Quillon Partner Off: no call succeeded for 48 hours Mon, Jun 1, 2026" in listed
    operator.post(pages(house, "switch/"), {"on": "yes"})
    house.webhook.refresh_from_db()
    assert (house.webhook.active, house.webhook.failing_since) == (True, None)


def test_the_log_shows_each_call_and_nothing_of_it_is_html(house: House, operator: Client) -> None:
    answer, at = "<script>alert(1)</script>", "2026-06-01T16:00:00.000+00:00"
    common = {"at": at, "duration_ms": 83}
    delivery(
        house,
        status="failed",
        calls=[
            {**common, "status": None, "answer": "", "error": "timeout"},
            {**common, "status": 500, "answer": answer, "error": ""},
        ],
    )
    page = operator.get(pages(house))
    assert answer not in page.content.decode()
    assert "no answer (timeout), 83 ms" in said(page)
    assert "answered 500, 83 ms: &lt;script&gt;alert(1)&lt;/script&gt;" in said(page)
    assert "None." in said(operator.get(pages(house, "?status=delivered")))


def test_the_log_has_pages(house: House, operator: Client) -> None:
    for nth in range(51):
        delivery(house, nth, created_at=NOON + timedelta(seconds=nth))
    first, second = (said(operator.get(pages(house, f"?from={start}"))) for start in (0, 50))
    assert ("change 50" in first, "change 0 " in first) == (True, False)
    assert ("change 50" in second, "change 0 " in second) == (False, True)
    for odd in ("?from=-1", "?from=x", "?from=²", f"?from={'9' * 30}", "?status=lost"):
        assert operator.get(pages(house, odd)).status_code == 200


def test_what_was_told_is_sent_again(house: House, operator: Client) -> None:
    old, new = (delivery(house, nth, created_at=NOON - timedelta(hours=nth)) for nth in (3, 1))
    answer = operator.post(pages(house, "replay/"), {"hours": "2"}, follow=True)
    assert "1 call will be made once more." in said(answer)
    for hours in ("", "0", "721", "x"):
        refused = operator.post(pages(house, "replay/"), {"hours": hours}, follow=True)
        assert "Nothing is sent." in said(refused)
    operator.post(pages(house, f"replay/{old.pk}/"))
    old.refresh_from_db()
    new.refresh_from_db()
    assert (old.is_replay, new.is_replay) == (True, True)
    new.is_replay = False
    new.save()
    house.partner.practices.clear()
    refused = operator.post(pages(house, f"replay/{new.pk}/"), follow=True)
    assert "Nothing is sent: Quillon Partner is no longer granted" in said(refused)
    new.refresh_from_db()
    assert not new.is_replay
    other = factories.partner()
    path = f"/admin/partners/{other.pk}/webhooks/{house.webhook.pk}/"
    assert operator.get(path).status_code == 404
    assert operator.post(pages(house, "replay/nothing/")).status_code == 404


@pytest.mark.parametrize("act", ["", "edit/", "switch/", "rotate/", "test/", "delete/"])
def test_staff_of_a_practice_see_and_change_nothing(act: str, house: House) -> None:
    staff = browser(house.staff)
    assert staff.get(pages(house, act)).status_code in {403, 405}
    assert staff.post(pages(house, act), {**FIELDS, "on": "no"}).status_code in {403, 405}
    for path in ("", f"{house.webhook.pk}/change/", f"{house.webhook.pk}/history/"):
        assert staff.get(f"/admin/bookings/webhook/{path}").status_code in {403, 404}
    house.webhook.refresh_from_db()
    assert (house.webhook.active, house.webhook.url) == (True, "https://quillon.example/")


def test_the_admins_own_addresses_of_one_lead_to_its_page(house: House, operator: Client) -> None:
    for page in ("change", "history"):
        answer = operator.get(f"/admin/bookings/webhook/{house.webhook.pk}/{page}/")
        assert answer.headers["Location"] == pages(house)
    assert operator.get("/admin/bookings/webhook/nothing/change/").status_code == 404


def test_a_partner_without_a_contact_is_warned_of(house: House, operator: Client) -> None:
    path = f"/admin/practices/partner/{house.partner.pk}/change/"
    warning = "Nobody is told when its webhooks fail"
    for page in (path, f"/admin/partners/{house.partner.pk}/webhooks/"):
        assert warning in said(operator.get(page))
    fields = {"name": "Quillon Partner", "active": "on", "special_authorization": "on"}
    fields |= {"practices": house.practice.pk}
    assert warning in said(operator.post(path, fields, follow=True))
    operator.post(path, {**fields, "contact_email": "it@partner.example"})
    for page in (path, f"/admin/partners/{house.partner.pk}/webhooks/"):
        assert warning not in said(operator.get(page))


def test_an_operator_is_told_at_the_start_of_what_fails(house: House, operator: Client) -> None:
    name = "The webhook https://quillon.example/ of Quillon Partner"
    for values, says in [
        ({"failures": 3, "failing_since": NOON - timedelta(hours=4)}, f"{name} has failed for 4 h"),
        ({"failures": 3, "failing_since": NOON - timedelta(minutes=5)}, ""),
        ({"active": False, "off_reason": "gone"}, f"{name} is off: the receiver answered 410 Gone"),
        ({"active": False, "off_reason": "partner"}, ""),
    ]:
        Webhook.objects.update(
            **{"active": True, "off_reason": "", "failures": 0, "failing_since": None, **values}
        )
        page = said(operator.get(house.address("hub/")))
        assert (name in page, says in page) == (bool(says), True)
        assert name not in said(browser(house.staff).get(house.address("hub/")))

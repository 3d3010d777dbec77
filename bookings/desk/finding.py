"""The page of visits found by what was typed into the box of every page."""

from django.http import HttpRequest, HttpResponse

from bookings.desk import labels, times
from bookings.desk.desk import Desk, desk_page, show
from bookings.patients.search import search


@desk_page
def page(request: HttpRequest, desk: Desk) -> HttpResponse:
    # In the body of a POST: what was typed is a patient's data, and an address is logged.
    said = request.POST.get("q", "").strip()
    found = search(desk.practice.pk, said, now=desk.now)
    rows = [
        {"visit": each, "name": labels.patient(each), "when": times.of_appointment(each)}
        for each in found.visits
    ]
    return show(request, desk, "find.html", {"title": "Find a visit", "q": said, "rows": rows})

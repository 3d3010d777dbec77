"""Step 3, day: the days that have what is asked for."""

from datetime import date

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from bookings.booking_page import words
from bookings.booking_page.criteria import criteria_of
from bookings.booking_page.page import Page, show, step
from bookings.booking_page.where import next_step
from bookings.scheduling import availability

AT_ONCE = 10
"""Days on a page."""


@step
def day(request: HttpRequest, page: Page) -> HttpResponse:
    mistakes = []
    if request.method == "POST":
        chosen = day_in(request.POST.get("day"))
        if chosen is not None:
            return page.go("book_time", page.state.but(day=chosen, opening=None))
        mistakes.append(("day_0", _("Choose a day")))
    today = page.today()
    criteria = criteria_of(page)
    # One more than are shown is read, to know whether there are more.
    before = day_in(request.GET.get("before"))
    if before is not None and before > today:
        found = availability.days_before(page.practice, criteria, before=before, limit=AT_ONCE + 1)
        first = found[1] if len(found) > AT_ONCE else today
    else:
        said = request.POST.get("from") or request.GET.get("from")
        first = max(day_in(said) or today, today)
    found = availability.days(page.practice, criteria, first=first, limit=AT_ONCE + 1)
    shown, later = found[:AT_ONCE], found[AT_ONCE:]
    context = {
        "days": [(each.isoformat(), words.day(each)) for each in shown],
        "first": first.isoformat(),
        "chosen": page.state.day and page.state.day.isoformat(),
        "earlier": page.url("book_day", before=first.isoformat()) if first > today else "",
        "later": page.url("book_day", None, **{"from": later[0].isoformat()}) if later else "",
        "mistakes": mistakes,
        "back": page.url("book" if next_step(page) == "book_day" else "book_where"),
        "is_narrowed": bool(page.state.location_id or page.state.doctor_id),
        "who": page.url("book"),
    }
    return show(request, page, "day.html", context, 400 if mistakes else 200)


def day_in(text: str | None) -> date | None:
    """Return a date in a year that a visit can be in, or None."""
    try:
        found = date.fromisoformat(text or "")
    except ValueError:
        return None
    return found if 2000 <= found.year < 2200 else None

"""Where a step leads that cannot go on: the time has gone, all is booked, too much was held."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse

from bookings.booking_page import done
from bookings.booking_page.holding import AlreadyBooked, Gone, Preview
from bookings.booking_page.limits import CodeLimitReached
from bookings.booking_page.page import Page, show
from openchair.errors import LimitReached

View = Callable[..., HttpResponse]


def answer_refusals(view: View) -> View:
    """Decorate a view that holds or books: what it raises becomes a page.

    Gone: the page with other times; AlreadyBooked: the last page; LimitReached: whom to call;
    Preview: that it ends here.
    """

    @wraps(view)
    def answered(request: HttpRequest, page: Page, **kwargs: Any) -> HttpResponse:
        try:
            return view(request, page, **kwargs)
        except Gone:
            return page.go("book_gone")
        except AlreadyBooked as already:
            return done.go(page, already.booked)
        except Preview:
            return show(request, page, "preview.html")
        except LimitReached as limit:
            match = request.resolver_match
            back = page.url(match.url_name) if match and match.url_name else ""
            is_code = isinstance(limit, CodeLimitReached)
            context = {"back": back, "is_code": is_code}
            refused = show(request, page, "call.html", context, 429)
            refused["Retry-After"] = str(limit.retry_after)
            return refused

    return answered

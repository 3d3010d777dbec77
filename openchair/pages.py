"""Handlers of 400, 403, 404, 500 and of database errors: a page, or the API's problem document."""

import re
import sys
from typing import Any

from django.conf import settings
from django.db import IntegrityError
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils import translation

from openchair.api import problems as api_problems
from openchair.api.middleware import is_api
from openchair.database import failures
from openchair.serving import logs

_BOOKING = re.compile(r"/(?:es/)?book(?:/|\Z)")
_PATIENTS = re.compile(r"/(?:es/)?(?:book|visit)(?:/|\Z)")


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 400: a problem document to the API, else a page."""
    if is_api(request):
        return api_problems.by_status(None, 400, "This request cannot be read: check it.")
    # Django's own view would parse the form again, which may be what failed.
    return _failed(request, "400.html", 400)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    if is_api(request):
        return api_problems.by_status(request, 403, "This is not allowed.")
    return HttpResponse(_page(request, "403.html"), status=403)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answer 403 to a form from another site, or from a page loaded before the login."""
    return HttpResponse(_page(request, "403_csrf.html"), status=403)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    if is_api(request):
        return api_problems.by_status(request, 404, "There is nothing at this address.")
    return HttpResponse(_page(request, "404.html", to_patients="not_found.html"), status=404)


def database_failed(request: HttpRequest, error: Exception) -> HttpResponse:
    """Answer a database error: 503 with Retry-After, or 409 for a broken constraint."""
    if is_api(request):
        return api_problems.database_failed(request, error)
    is_refusal = isinstance(error, IntegrityError)
    outage = None if is_refusal else failures.note(error)
    if outage is not None:
        return unavailable(request, outage)
    return _failed(request, "database_failed.html", 409)


def unavailable(request: HttpRequest, outage: failures.Outage) -> HttpResponse:
    """Answer 503 with Retry-After to a request for a page."""
    response = _failed(request, "database_failed.html", 503, outage=outage)
    response["Retry-After"] = str(outage.retry_after)
    response["Cache-Control"] = "no-store"
    return response


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer 500, or for a database error as `database_failed`; without using the database."""
    error = sys.exc_info()[1]
    if isinstance(error, failures.ERRORS):  # in a middleware: sessions are in the database too
        return database_failed(request, error)
    if is_api(request):
        return api_problems.by_status(None, 500, "OpenChair has a bug here.")
    return _failed(request, "500.html", 500)


def _failed(request: HttpRequest, template: str, status: int, **context: Any) -> HttpResponse:
    """Answer with `_page`; of the booking page also in a frame, which would be blank otherwise.

    Any site's: which ones the practice names is in the database. The page tells nothing of anybody,
    and nothing in it can be pressed.
    """
    response = HttpResponse(_page(request, template, **context), status=status)
    if _BOOKING.match(request.path_info):
        response["Content-Security-Policy"] = "default-src 'self'; frame-ancestors *"
        response.xframe_options_exempt = True
    return response


def _page(
    request: HttpRequest, template: str, *, to_patients: str = "failed.html", **context: Any
) -> str:
    """Render a page that tells what went wrong; to patients one of templates/book/ instead.

    Without the request: its context processors would query the database, which may have failed.
    """
    if _PATIENTS.match(request.path_info):
        return _to_patients(request, to_patients)
    return render_to_string(template, {"request_id": logs.request_id.get(), **context})


def _to_patients(request: HttpRequest, template: str) -> str:
    """Render it in the language of the address, which not every caller has switched on."""
    language = translation.get_language_from_path(request.path_info) or settings.LANGUAGE_CODE
    with translation.override(language):
        framed = request.headers.get("Sec-Fetch-Dest") == "iframe"
        return render_to_string(f"book/{template}", {"language": language, "is_framed": framed})

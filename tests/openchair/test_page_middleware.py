"""PageMiddleware: sessions, messages and static files for pages, not for the API."""

from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory
from django.utils.module_loading import import_string

from openchair.serving.middleware import PageMiddleware


@pytest.mark.parametrize(
    ("path", "is_page"),
    [
        ("/", True),
        ("/admin/", True),
        ("/schedulings", True),
        ("/scheduling", False),
        ("/scheduling/practices", False),
        ("/onlinescheduling/booking/x", False),
    ],
)
def test_requests_to_the_api_pass_by_what_pages_need(path: str, *, is_page: bool) -> None:
    def view(request: HttpRequest) -> HttpResponse:
        return HttpResponse(" ".join({"session", "user", "_messages"} & vars(request).keys()))

    seen = PageMiddleware(view)(RequestFactory().get(path))
    assert isinstance(seen, HttpResponse)
    assert {*seen.content.decode().split()} == (
        {"session", "user", "_messages"} if is_page else set()
    )


def test_it_runs_them_in_the_order_of_the_settings(settings: Any) -> None:
    settings.PAGE_MIDDLEWARE = [f"{__name__}.{name}" for name in ("first", "second")]
    answer = PageMiddleware(lambda _: HttpResponse())(RequestFactory().get("/"))
    assert answer.headers["Order"] == "second first"


def noting(name: str) -> Callable[[Any], Any]:
    """Make a middleware that records when the answer passed."""

    def middleware(get_response: Callable[[HttpRequest], HttpResponse]) -> Any:
        def answer(request: HttpRequest) -> HttpResponse:
            response = get_response(request)
            response["Order"] = f"{response.get('Order', '')} {name}".strip()
            return response

        return answer

    return middleware


first, second = noting("first"), noting("second")


@pytest.mark.parametrize("path", settings.PAGE_MIDDLEWARE)
def test_none_of_them_has_a_hook_that_only_django_calls(path: str) -> None:
    hooks = ("process_view", "process_exception", "process_template_response")
    assert not [hook for hook in hooks if hasattr(import_string(path), hook)]

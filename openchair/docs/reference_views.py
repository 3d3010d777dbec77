"""Views of the reference: the list of operations, and each operation."""

import json
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from openchair.docs import samples
from openchair.docs.examples import filled, names, of_the_demo
from openchair.docs.navigation import docs_page
from openchair.docs.reference import GROUPS, Operation, openapi_document, operations
from openchair.docs.views import origin


@require_safe
def overview(request: HttpRequest) -> HttpResponse:
    """List all operations, in the order in which a partner needs them."""
    sections = {group: [operations()[name] for name in names] for group, names in GROUPS.items()}
    first = operations()["list_practices"]
    return docs_page(
        request,
        "docs/reference.html",
        {"sections": sections, "host": origin(request), **_examples(request, first)},
    )


@require_safe
def operation(request: HttpRequest, operation_id: str) -> HttpResponse:
    """Explain one operation, with examples that work with a key of the demo."""
    every = [*operations().values()]
    nth = next((nth for nth, one in enumerate(every) if one.id == operation_id), None)
    if nth is None:
        raise Http404
    context = {
        "operation": every[nth],
        "before": every[nth - 1] if nth > 0 else None,
        "after": every[nth + 1] if nth + 1 < len(every) else None,
    }
    return docs_page(request, "docs/operation.html", {**context, **_examples(request, every[nth])})


@require_safe
def filled_document(request: HttpRequest) -> HttpResponse:
    """Return openapi.json with examples that work here, for the page on which calls are tried."""
    document = json.loads(openapi_document())
    now = timezone.now()
    found = of_the_demo(now)
    for methods in document["paths"].values():
        for method, one in methods.items():
            methods[method] = filled(one, names(one["operationId"], found, now))
    return JsonResponse(document)


def _examples(request: HttpRequest, operation: Operation) -> dict[str, Any]:
    """Return an operation's examples for a template."""
    now = timezone.now()
    known = names(operation.id, of_the_demo(now), now)
    call = samples.call(operation, origin(request), known)
    bodies = [(each.title, _json(filled(each.value, known))) for each in operation.bodies]
    return {
        "samples": samples.samples(call),
        "words": call.words,
        "key": samples.KEY,
        "answer": _json(filled(operation.answer.example, known)),
        "other_bodies": bodies[1:],
    }


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)

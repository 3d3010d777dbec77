"""Query parameters: those there are, and no others."""

from collections.abc import Iterable
from typing import Any

from django.db.models import QuerySet
from django_filters.rest_framework import DjangoFilterBackend, MultipleChoiceFilter
from rest_framework.request import Request
from rest_framework.serializers import ValidationError
from rest_framework.views import APIView

from openchair.api import paging


def refuse_unknown(request: Request, known: Iterable[str]) -> None:
    """Raise ValidationError for a parameter that does not exist.

    A misspelt filter would answer with everything.
    """
    there_are = list(known)
    unknown = [name for name in request.query_params if name not in there_are]
    if unknown:
        message = f"There is no such parameter; there are {', '.join(there_are)}."
        raise ValidationError({name[:64]: message for name in unknown})


def _refuse_empty_and_repeated(request: Request, filters: dict[str, Any]) -> None:
    """Raise ValidationError for what would be taken for no filter, or another than meant."""
    for name, values in request.query_params.lists():
        if "" in values and not isinstance(filters.get(name), MultipleChoiceFilter):
            raise ValidationError({name: "This is empty: leave the parameter out, or fill it."})
        if len(values) > 1 and not isinstance(filters.get(name), MultipleChoiceFilter):
            raise ValidationError({name: "This is there twice: send it once."})


class StrictFilterBackend(DjangoFilterBackend):
    """Filters by the parameters there are, those for pages aside, and refuses all others."""

    def filter_queryset(self, request: Request, queryset: QuerySet[Any], view: APIView) -> Any:
        """Filter. Raises ValidationError."""
        filters = self.get_filterset_class(view, queryset).base_filters
        refuse_unknown(request, [*filters, *paging.PARAMETERS])
        _refuse_empty_and_repeated(request, filters)
        return super().filter_queryset(request, queryset, view)

    def get_filterset_kwargs(
        self, request: Request, queryset: QuerySet[Any], view: APIView
    ) -> dict[str, Any]:
        """Hand the filters the zone in which the view reads a time without an offset, if any."""
        kwargs: dict[str, Any] = super().get_filterset_kwargs(request, queryset, view)
        return {**kwargs, "zone": getattr(view, "zone", None)}

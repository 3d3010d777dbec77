"""Query parameters: filters of a list, and refusal of unknown, empty or repeated parameters."""

from collections.abc import Iterable
from typing import Any

from django.db.models import QuerySet
from django.http import QueryDict
from django_filters.rest_framework import DjangoFilterBackend, FilterSet, MultipleChoiceFilter
from django_filters.utils import translate_validation
from rest_framework.request import Request
from rest_framework.serializers import ValidationError
from rest_framework.views import APIView

from openchair.api import pagination


def check(query: QueryDict, known: Iterable[str] = (), *, repeated: Iterable[str] = ()) -> None:
    """Raise ValidationError for a parameter that does not exist, is empty, or is repeated.

    Ignoring a misspelt filter would return everything, an empty or repeated one other rows than
    were meant. repeated: the known parameters that may be sent more than once.
    """
    there_are, repeatable = list(known), set(repeated)
    unknown = [name for name in query if name not in there_are]
    if unknown:
        some = f"there are {', '.join(there_are)}" if there_are else "there are none here"
        raise ValidationError(
            {name[:64]: f"There is no such parameter; {some}." for name in unknown}
        )
    for name, values in query.lists():
        if "" in values and name not in repeatable:
            raise ValidationError({name: "This is empty: leave the parameter out, or fill it."})
        if len(values) > 1 and name not in repeatable:
            raise ValidationError({name: "This is there twice: send it once."})


def select(
    filters: type[FilterSet], query: QueryDict, queryset: QuerySet[Any, Any], **context: Any
) -> QuerySet[Any, Any]:
    """Filter by the query's parameters, ignoring those of pagination, and refuse all others.

    context: further arguments of the FilterSet. Raises ValidationError.
    """
    there_are = filters.base_filters.items()
    repeated = [name for name, one in there_are if isinstance(one, MultipleChoiceFilter)]
    check(query, [*filters.base_filters, *pagination.PARAMETERS], repeated=repeated)
    asked = filters(query, queryset, **context)
    if not asked.is_valid():
        raise translate_validation(asked.errors)
    selected: QuerySet[Any, Any] = asked.qs
    return selected


class StrictFilterBackend(DjangoFilterBackend):
    """Filters a view's list, and describes its parameters for OpenAPI."""

    def filter_queryset(self, request: Request, queryset: QuerySet[Any], view: APIView) -> Any:
        """Filter; a time without an offset is in the view's `zone`, if it has one."""
        filters = self.get_filterset_class(view, queryset)
        return select(filters, request.query_params, queryset, zone=getattr(view, "zone", None))

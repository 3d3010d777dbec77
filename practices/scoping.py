"""Tenant isolation in the Django admin: the base class of every registered model's admin.

It limits rows, choices, look-ups and permissions to the practices a person works for. Permissions
follow from membership; Django's own are not used.
"""

from typing import Any

from django.contrib.admin import ModelAdmin, RelatedOnlyFieldListFilter, ShowFacets
from django.contrib.admin.options import BaseModelAdmin, IncorrectLookupParameters
from django.contrib.admin.views.main import ERROR_FLAG
from django.contrib.admin.widgets import RelatedFieldWidgetWrapper
from django.core.exceptions import BadRequest
from django.db import DataError, transaction
from django.db.models import Field, Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.http import url_has_allowed_host_and_scheme

from practices.models import Practice

FILTER_LOOKUPS = frozenset({"exact", "isnull", "in"})


def practices_of(user: Any) -> list[Practice]:
    """Return the practices that a person may see and work in, by name; all for an operator.

    Queried once per request: cached on the user, which is loaded for every request.
    """
    if not hasattr(user, "_practices"):
        user._practices = _read(user)
    found: list[Practice] = user._practices
    return found


def _read(user: Any) -> list[Practice]:
    if not (user.is_active and user.is_staff):
        return []
    everything = Practice.objects.all()
    return list(everything if user.is_superuser else everything.filter(memberships__user=user))


class PlainChoices(BaseModelAdmin):
    """Offers no "+" beside a choice, which opens a window of its own to add a row.

    Where nothing is chosen yet it says so in a word, and not by dashes.
    """

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        field: Any = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field is not None and isinstance(field.widget, RelatedFieldWidgetWrapper):
            field.widget = field.widget.widget
        if getattr(field, "empty_label", None):
            field.empty_label = "Choose…"
        return field


class ScopedAdmin(PlainChoices, ModelAdmin):
    """A ModelAdmin limited to the practices of the person who is logged in."""

    practice_path: str | None = None
    """The look-up from a row to its practice ("practice", "booking__practice", "pk" for a practice
    itself); None: for operators only."""

    staff_may: frozenset[str] = frozenset({"view"})
    operators_may: frozenset[str] = frozenset({"view", "add", "change", "delete"})

    view_on_site = False
    actions_selection_counter = True
    list_per_page = 50
    show_full_result_count = False
    show_facets = ShowFacets.NEVER

    def may(self, request: HttpRequest, verb: str, obj: Model | None = None) -> bool:
        """Whether this person may view, add, change or delete, and this row if there is one."""
        user: Any = request.user
        if not (user.is_active and user.is_staff):
            return False
        if user.is_superuser:
            return verb in self.operators_may
        if self.practice_path is None or verb not in self.staff_may or not practices_of(user):
            return False
        return obj is None or obj.pk is None or self.scoped(user).filter(pk=obj.pk).exists()

    def scoped(self, user: Any) -> QuerySet[Any]:
        """Return the rows that this person may see."""
        rows = self.model._default_manager.all()
        return self.narrowed(rows, user)

    def narrowed(self, rows: QuerySet[Any], user: Any) -> QuerySet[Any]:
        """Filter rows to those that this person may see."""
        if user.is_superuser and user.is_active and user.is_staff:
            return rows
        if self.practice_path is None:
            return rows.none()
        ids = [practice.pk for practice in practices_of(user)]
        return rows.filter(**{f"{self.practice_path}__in": ids})

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Limit everything that Django reads: lists, forms, actions, autocomplete, history."""
        return self.narrowed(super().get_queryset(request), request.user)

    def get_object(self, request: HttpRequest, object_id: str, from_field: Any = None) -> Any:
        """Find a row by its key only; a key with a NUL, invalid in PostgreSQL, finds none."""
        if "\x00" in object_id:
            return None
        return super().get_object(request, object_id)

    def _get_obj_does_not_exist_redirect(
        self, request: HttpRequest, opts: Any, object_id: str
    ) -> HttpResponse:
        """Answer 404 for a row that does not exist or that this person may not see.

        Django redirects, with a message on the next page.
        """
        raise Http404

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may(request, "view", obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.may(request, "add")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may(request, "change", obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may(request, "delete", obj)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.may(request, "view")

    def to_field_allowed(self, request: HttpRequest, to_field: str) -> bool:
        """Allow references to rows by primary key only."""
        return bool(to_field == self.opts.pk.name)

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest | None = None) -> bool:
        """Allow the look-ups that the list's own filters make, and no others.

        `?partner__name__startswith=` would reveal, letter by letter, what the page does not have;
        `?name__regex=` could overload the database.
        """
        if "\x00" in str(value):
            return False
        name, *rest = lookup.split("__")
        if name not in self._filters(request):
            return False
        field: Any = self.opts.get_field(name)
        if field.is_relation and rest and rest[0] in {"pk", field.related_model._meta.pk.name}:
            rest = rest[1:]
        return not rest or (len(rest) == 1 and rest[0] in FILTER_LOOKUPS)

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """Build the list; values that its look-ups cannot take are client errors.

        Django finds only some of them, and then redirects to the list without the reason.
        """
        try:
            # A savepoint: in a transaction PostgreSQL would run no query after a failed one.
            with transaction.atomic():
                return super().get_changelist_instance(request)
        except (ValueError, OverflowError, DataError, IncorrectLookupParameters) as error:
            if ERROR_FLAG in request.GET:  # Django would answer that the database is broken
                raise BadRequest("This list has no such filter.") from error
            raise IncorrectLookupParameters from error

    def response_action(self, *args: Any, **kwargs: Any) -> Any:
        """Run an action in a transaction; Django would commit what it did before an error."""
        with transaction.atomic():
            return super().response_action(*args, **kwargs)

    def _filters(self, request: HttpRequest | None) -> set[Any]:
        listed: Any = self.list_filter if request is None else super().get_list_filter(request)
        return {item[0] if isinstance(item, tuple) else item for item in listed}

    def get_list_filter(self, request: HttpRequest) -> list[Any]:
        """Limit a filter's related rows to those of rows that this person may see."""
        return [
            (item, RelatedOnlyFieldListFilter) if self._is_relation(item) else item
            for item in super().get_list_filter(request)
        ]

    def _is_relation(self, item: Any) -> bool:
        return isinstance(item, str) and bool(self.opts.get_field(item).is_relation)

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        kwargs["queryset"] = self._choices(db_field, request)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        kwargs["queryset"] = self._choices(db_field, request)
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Preselect the practice of the address, or of a person who has but one."""
        given: dict[str, Any] = dict(super().get_changeform_initial_data(request))
        mine = practices_of(request.user)
        return {"practice": mine[0].pk, **given} if len(mine) == 1 else given

    def response_post_save_add(self, request: HttpRequest, obj: Any) -> HttpResponseRedirect:
        return self._back(request) or super().response_post_save_add(request, obj)

    def response_post_save_change(self, request: HttpRequest, obj: Any) -> HttpResponseRedirect:
        return self._back(request) or super().response_post_save_change(request, obj)

    def _back(self, request: HttpRequest) -> HttpResponseRedirect | None:
        """Return to the page of this site that led to the form (`next`), if one did."""
        address = request.GET.get("next", "")
        here = {request.get_host()}
        safe = url_has_allowed_host_and_scheme(address, here, require_https=request.is_secure())
        # Not `redirect`: it takes what has no slash for the name of a view, which may not be there.
        return HttpResponseRedirect(address) if safe and address.startswith("/") else None

    def _choices(self, db_field: "Field[Any, Any]", request: HttpRequest) -> QuerySet[Any]:
        """Return the related rows that a form offers and accepts: those this person may see."""
        related: Any = db_field.related_model
        registered = self.admin_site._registry.get(related)
        rows: QuerySet[Any] = related._default_manager.all()
        if isinstance(registered, ScopedAdmin):
            return registered.narrowed(rows, request.user)
        return rows if request.user.is_superuser else rows.none()

"""How forms of the Django admin behave: titles, no pop-ups, and back to where they came from."""

from typing import Any

from django.contrib.admin import ModelAdmin
from django.contrib.admin.widgets import RelatedFieldWidgetWrapper
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.text import capfirst


class FormsAdmin(ModelAdmin):
    """A ModelAdmin whose forms are worded for people, and lead back to where they came from."""

    noun = ""
    """What a row is called, where people have another word for it than the model."""

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Leave out the links that add, change and view a related row in a window of their own."""
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field is not None and isinstance(field.widget, RelatedFieldWidgetWrapper):
            field.widget = field.widget.widget
        return field

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Title a form with what it adds, or with the name of the row."""
        noun, row = self.noun or str(self.opts.verbose_name), context["original"]
        context["title"] = f"Add a {noun}" if row is None else str(row)
        context["subtitle"] = "" if row is None else capfirst(noun)
        rendered: HttpResponse = super().render_change_form(request, context, *args, **kwargs)
        return rendered

    def response_post_save_add(self, request: HttpRequest, obj: Any) -> HttpResponseRedirect:
        return self._back(request) or super().response_post_save_add(request, obj)

    def response_post_save_change(self, request: HttpRequest, obj: Any) -> HttpResponseRedirect:
        return self._back(request) or super().response_post_save_change(request, obj)

    def _back(self, request: HttpRequest) -> HttpResponseRedirect | None:
        """Return to the page of this site that led to the form (`next`), if one did."""
        address = request.GET.get("next", "")
        here = {request.get_host()}
        safe = url_has_allowed_host_and_scheme(address, here, require_https=request.is_secure())
        return redirect(address) if safe else None

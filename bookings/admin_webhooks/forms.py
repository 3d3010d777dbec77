"""Forms of the pages of a partner's webhooks."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Q

from bookings.messages.webhooks import positions
from bookings.models import SUBSCRIBED, Webhook
from openchair.outgoing import urls
from practices.models import Partner, Practice

TYPES = [(each.value, each.label) for each in SUBSCRIBED]


class WebhookForm(forms.Form):
    """What can be said of a webhook; with none it is of a new one."""

    url = forms.CharField(
        label="Address",
        max_length=500,
        widget=forms.URLInput,
        help_text="Of the partner’s system, starting with https://.",
    )
    types = forms.MultipleChoiceField(
        label="Tell it when", choices=TYPES, widget=forms.CheckboxSelectMultiple
    )
    practices = forms.ModelMultipleChoiceField(
        Practice.objects.none(),
        label="Of these practices",
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="If none are checked, of all that the partner is granted, now and later.",
    )

    def __init__(
        self, partner: Partner, webhook: Webhook | None, data: Any = None, **kwargs: Any
    ) -> None:
        named: list[str] = []
        kwargs["initial"] = {"types": [each.value for each in SUBSCRIBED]}
        if webhook is not None:
            named = [*webhook.practices.values_list("pk", flat=True)]
            kwargs["initial"] = {"url": webhook.url, "types": webhook.types, "practices": named}
        super().__init__(data, **kwargs)
        practices = self.fields["practices"]
        assert isinstance(practices, forms.ModelMultipleChoiceField)
        # Those that it names stay, granted or not: without them it would name none, which is all.
        granted = positions.granted(partner).values("pk")
        practices.queryset = Practice.objects.filter(Q(pk__in=granted) | Q(pk__in=named))

    def clean_url(self) -> str:
        url: str = self.cleaned_data["url"]
        try:
            urls.check(url)
        except ValueError as error:
            raise ValidationError(str(error)) from None
        return url

    @property
    def values(self) -> dict[str, Any]:
        """What is sent, as the verbs of endpoints take it."""
        practices = self.cleaned_data["practices"]
        return {
            "url": self.cleaned_data["url"],
            "types": self.cleaned_data["types"],
            "practice_ids": [practice.pk for practice in practices],
        }


class ReplayForm(forms.Form):
    """How far back everything is sent once more; deliveries are kept for 30 days."""

    hours = forms.IntegerField(min_value=1, max_value=24 * 30)

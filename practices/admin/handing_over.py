"""The line that is handed over to a partner with a new key: it works as it stands."""

from django.http import HttpRequest

from practices.models import Location, Partner


def curl_line(request: HttpRequest, partner: Partner, key: str) -> str:
    """Return a call of the API with the key: what the partner may list, or a location's openings.

    Empty where there is nothing yet that the partner may read.
    """
    path = "/scheduling/practices"
    if not partner.special_authorization:
        location = Location.objects.filter(practice__active=True).first()
        if location is None:
            return ""
        path = f"/onlinescheduling/location/{location.pk}/bookings"
    return f'curl -H "Authorization: {key}" {request.build_absolute_uri(path)}'

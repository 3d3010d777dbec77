"""URLs of the pages for operators, below /admin/."""

from django.urls import include, path

from practices.admin import keys
from practices.admin.onboarding import views as onboarding

_keys = [
    path("", keys.page, name="partner_keys"),
    path("issue/", keys.issue, name="partner_keys_issue"),
    path("<int:key_id>/revoke/", keys.revoke, name="partner_key_revoke"),
    path("<int:key_id>/expire/", keys.expire, name="partner_key_expire"),
    path("<int:key_id>/replace/", keys.replace, name="partner_key_replace"),
]
urlpatterns = [
    path("onboard/", onboarding.page, name="onboard"),
    path("partners/<id:partner_id>/keys/", include(_keys)),
]

"""URLs of a partner's key pages, below /admin/partners/<id>/keys/."""

from django.urls import path

from practices.admin import keys

urlpatterns = [
    path("", keys.page, name="partner_keys"),
    path("issue/", keys.issue, name="partner_keys_issue"),
    path("<int:key_id>/revoke/", keys.revoke, name="partner_key_revoke"),
    path("<int:key_id>/expire/", keys.expire, name="partner_key_expire"),
    path("<int:key_id>/replace/", keys.replace, name="partner_key_replace"),
]

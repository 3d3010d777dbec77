"""Addresses below /docs/. Those of problems are published: a problem's `type` is one of them."""

from django.urls import path

from openchair.docs import reference_views, views

urlpatterns = [
    path("", views.start, name="docs"),
    path("guides/<slug:slug>", views.guide, name="guide"),
    path("changelog", views.changelog, name="changelog"),
    path("try/openapi.json", reference_views.filled_document, name="try_document"),
    path("reference/", reference_views.overview, name="reference"),
    path("reference/<slug:operation_id>", reference_views.operation, name="operation"),
    path("problems/", views.problems, name="problems"),
    path("problems/<slug:slug>", views.problem, name="problem"),
    path("try/", views.try_it, name="try_it"),
    path("search", views.search, name="docs_search"),
]

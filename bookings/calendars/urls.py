"""URL of the calendar feed."""

from django.urls import path

from bookings.calendars import feed

urlpatterns = [path("calendar/<str:token>.ics", feed.calendar, name="calendar_feed")]

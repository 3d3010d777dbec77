"""Formats of dates and times in Django's own pages: the admin."""

"""Calendars (contract, section 9): iCalendar files, and the feed of a doctor's calendar."""

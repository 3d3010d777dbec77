"""Dates and times on operators' pages, which have no practice and so no time zone but UTC."""

DATETIME_FORMAT = r"D, M j, Y, g:i A \U\T\C"
DATE_FORMAT = "D, M j, Y"

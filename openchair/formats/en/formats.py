"""English formats of dates and times; an instant says its zone, which in the admin is UTC."""

DATE_FORMAT = "D, M j, Y"
TIME_FORMAT = "g:i A"
DATETIME_FORMAT = "D, M j, Y, g:i A T"

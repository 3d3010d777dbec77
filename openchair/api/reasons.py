"""The reasons of a 409: codes for programs, and what each means to whoever sent the request.

docs/api.md, docs/partners.md and the page of the problem show these tables.
"""

OF_A_BOOKING = {
    "not_allowed": "the status cannot become what was asked for; `detail` names what it can",
    "closed": "the booking is deleted",
    "id_taken": "there is a booking of that id, perhaps a deleted one",
    "places_taken": "`total_appointments` below the places taken, or a booking with taken places "
    "would lose its time",
    "patient_has_place": "a patient has the place, so neither a status of the whole booking nor "
    "DELETE can change it",
    "refused": "the database refused the change; read the booking again",
}
OF_AN_APPOINTMENT = {
    "place_taken": "no place of this booking is free, or it is for a family on the waiting list",
    "in_the_past": "its time has passed",
    "no_time": "it has no `start_datetime` yet",
    "closed": "the booking is deleted, or the appointment cancelled",
    "hold_expired": "the hold ended, and no `status` was sent to claim a place again, or none is "
    "free",
    "not_reservable": "the booking has an exact time: book it",
    "not_allowed": "the status cannot become what was asked for",
    "too_early": "an `attendance` before the time has come",
    "attended": "an appointment with an `attendance` gets no other time or opening: make a new one",
    "still_running": "the first request with this Idempotency-Key has not ended yet",
}
OF_A_WAITING_LIST_ENTRY = {
    "already_waiting": "the same patient is on this practice's list",
}
OF_A_WEBHOOK = {
    "too_many_webhooks": "you have 20, which is the most: edit one, or delete one first",
    "still_rotating": "the secret was rotated less than 24 hours ago and the old one still signs: "
    "end that by DELETE, or send `force`",
}

"""The board: a practice's bookings of a day or a week, by location and doctor."""

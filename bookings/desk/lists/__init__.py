"""Lists of a practice's patients, openings, weekly openings and history."""

"""Admin pages for a practice's staff: board, booking, publishing, closing, range desk, numbers."""

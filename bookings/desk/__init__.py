"""Admin pages for a practice's staff: board, booking, publishing, closing, requests, reports."""

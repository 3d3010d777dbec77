"""The pages that a practice's staff live in: board, opening, publishing, range desk, numbers."""

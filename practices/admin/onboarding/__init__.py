"""The page on which an operator onboards a practice: with all that belongs to it, at once."""

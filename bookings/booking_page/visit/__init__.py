"""Manage pages: who has a visit's link sees it, says "I will come", moves or cancels it."""

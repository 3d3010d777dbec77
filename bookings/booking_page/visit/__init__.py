"""Manage pages: who has a visit's link sees it, confirms, moves or cancels it."""

"""Manage pages: whoever has the link of a visit sees it, says "I will come", moves or cancels it."""

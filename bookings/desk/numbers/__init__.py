"""The page Reports: what was offered and taken, and who came."""

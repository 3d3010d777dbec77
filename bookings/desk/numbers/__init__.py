"""The page Numbers: what was offered and taken, and who came."""

"""Mail about visits: its facts, its words, its calendar part, and the way to the server."""

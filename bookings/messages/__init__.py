"""Messages to people and systems outside: the queue, its worker, and what it sends."""

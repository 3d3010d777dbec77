"""Pages of the waiting list: who has an entry's link sees it, and answers what is offered."""

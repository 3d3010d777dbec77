"""The waiting list at the front desk: who waits, what is offered, whom to call."""

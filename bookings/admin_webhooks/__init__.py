"""Admin of webhooks, for operators: a list of all, and pages of each partner's."""

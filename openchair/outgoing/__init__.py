"""Calls to addresses that others chose: what may be called, and how, so that nobody reaches the
operator's own network by this machine (docs/threat-model.md).
"""

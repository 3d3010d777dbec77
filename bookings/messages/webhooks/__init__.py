"""Webhooks: what a partner's endpoints are told, in the order of the feed (contract, section 9).

The feed itself is the outbox: a change writes nothing for an endpoint. A worker looks which
endpoint is behind its practices' feeds, turns what is new into deliveries, and calls.
"""

"""The docs site at /docs/: start page, guides, reference, problems, changelog, and trying calls."""

"""The page on which patients book by themselves, a step on each page (contract, section 6)."""

"""SMART Scheduling Links: free times as public files that search sites fetch (docs/smart.md).

A practice opts in; its files have what its booking page offers a new patient now, each time with a
link to book it there.
"""

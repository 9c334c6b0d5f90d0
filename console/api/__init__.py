"""The JSON API: what the command line can do, under the same names and shapes (contract §9)."""

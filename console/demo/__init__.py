"""``crosswalk demo``: both platforms in miniature and all of Crosswalk, on one machine, on SQLite."""

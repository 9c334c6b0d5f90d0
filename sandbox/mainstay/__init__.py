"""Mainstay in miniature: the proposed contract of the facts (§5), several organisations in one server."""

"""Configuration as code: YAML in (``read``), what it would change (``plan``), the change, YAML out."""

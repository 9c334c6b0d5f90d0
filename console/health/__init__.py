"""How the deployment is doing: what the Health page, `crosswalk health` and /api/v1/health show."""

"""Pages that are made from the code: ``make reference`` writes deploy/settings.md and deploy/api.md."""

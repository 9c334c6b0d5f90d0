"""What the scheduler does beside the jobs: alerts, retention, roll-ups, the broker's own dead letters."""

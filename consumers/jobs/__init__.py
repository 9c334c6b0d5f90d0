"""Work on many contacts: backfills, sweeps, comparisons, replays. Each puts messages into the queues at the
consumers' pace, can be stopped, and goes on where it was."""

"""One contact for people: both sides side by side, linking by hand, and what is kept about it."""

"""Private servers for tests that stop, kill and freeze them: own ports, own temporary folders."""

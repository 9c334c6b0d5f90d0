"""The image's health check: 0 where HEALTH_URL answers 200 within 4 seconds, else 1 and the reason.

The receiver and the console have /healthz; a consumer or scheduler answers on the port of its --metrics-port.
"""

import os
import sys
import urllib.request

url = os.environ.get("HEALTH_URL", "http://127.0.0.1:8000/healthz")
try:
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=4):
        sys.exit(0)
except OSError as error:
    print(f"{url}: {error}")
    sys.exit(1)

# httpx, without its own time limit.
import sys

import httpx

print(httpx.get(sys.argv[1], timeout=None).text)

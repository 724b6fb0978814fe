# requests: plain, with options on its sockets, or with a silent connection in its pool.
import socket
import sys
import time

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection

way, url, probe_s, silence_s = sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
values = [
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, probe_s),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, probe_s),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 9),
]
switch = [(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)]
options = {"options": switch + values, "values": values}.get(way, [])


class Adapter(HTTPAdapter):
    def init_poolmanager(self, *args, **kwargs):
        kwargs["socket_options"] = HTTPConnection.default_socket_options + options
        super().init_poolmanager(*args, **kwargs)


session = requests.Session()
if options:
    session.mount("http://", Adapter())
if way == "pool":
    session.get(url)
    time.sleep(silence_s)
print(session.get(url).text)

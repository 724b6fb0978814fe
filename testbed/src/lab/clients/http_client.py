# http.client; with "switch", SO_KEEPALIVE and nothing else.
import http.client
import socket
import sys
from urllib.parse import urlsplit

way, url = sys.argv[1:3]
parts = urlsplit(url)
connection = http.client.HTTPConnection(parts.netloc)
if way == "switch":
    connection.connect()
    connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
connection.request("GET", parts.path)
print(connection.getresponse().read().decode())

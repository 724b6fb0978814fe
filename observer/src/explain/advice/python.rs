//! Python's HTTP libraries.

use super::Advice;
use super::recognise::PythonLibrary;
use crate::policy::remedy::KeepaliveValues;

pub(super) fn advice(library: PythonLibrary, values: KeepaliveValues) -> Advice {
    let options = options(values);
    match library {
        PythonLibrary::Requests => Advice::new(
            "Mount an adapter on the session: its pools take socket options, those to a proxy too.",
            format!(
                "\
import socket
import requests
{options}
class KeepaliveAdapter(requests.adapters.HTTPAdapter):
    def init_poolmanager(self, *args, **kwargs):
        super().init_poolmanager(*args, socket_options=OPTIONS, **kwargs)

    def proxy_manager_for(self, proxy, **kwargs):
        return super().proxy_manager_for(proxy, socket_options=OPTIONS, **kwargs)

session = requests.Session()
session.mount(\"http://\", KeepaliveAdapter())
session.mount(\"https://\", KeepaliveAdapter())
"
            ),
        ),
        PythonLibrary::Urllib3 => Advice::new(
            "Give the pool socket options; a ProxyManager takes them too, and ignores the global default.",
            format!(
                "\
import socket
import urllib3
{options}
pool = urllib3.PoolManager(socket_options=OPTIONS)
"
            ),
        ),
        PythonLibrary::Httpx {
            takes_options: true,
        } => Advice::new(
            "Give the transport socket options (httpx 0.25 and later; AsyncHTTPTransport takes the same).",
            format!(
                "\
import socket
import httpx
{options}
client = httpx.Client(transport=httpx.HTTPTransport(socket_options=OPTIONS))
"
            ),
        ),
        PythonLibrary::Httpx {
            takes_options: false,
        } => Advice::new(
            "This httpx takes no socket options (0.25 and later do): set them when a connection is made, by the trace extension of each request.",
            format!(
                "\
import socket
import httpx
{options}
def keepalive(event, info):
    if event == \"connection.connect_tcp.complete\":
        for option in OPTIONS:
            info[\"return_value\"].get_extra_info(\"socket\").setsockopt(*option)

client = httpx.Client()
response = client.get(URL, extensions={{\"trace\": keepalive}})
"
            ),
        ),
        PythonLibrary::Aiohttp {
            takes_factory: true,
        } => Advice::new(
            "Give the connector a function that makes sockets (aiohttp 3.12 and later).",
            format!(
                "\
import socket
import aiohttp
{options}
def keepalive_socket(addr_info):
    family, kind, proto, _, _ = addr_info
    sock = socket.socket(family=family, type=kind, proto=proto)
    for option in OPTIONS:
        sock.setsockopt(*option)
    return sock

def session():
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(socket_factory=keepalive_socket))
"
            ),
        ),
        PythonLibrary::Aiohttp {
            takes_factory: false,
        } => Advice::new(
            "This aiohttp has no public way (3.12 and later: TCPConnector(socket_factory=…)); the connector's own method is where a connection is made.",
            format!(
                "\
import socket
import aiohttp
{options}
class KeepaliveConnector(aiohttp.TCPConnector):
    async def _wrap_create_connection(self, *args, **kwargs):
        transport, protocol = await super()._wrap_create_connection(*args, **kwargs)
        for option in OPTIONS:
            transport.get_extra_info(\"socket\").setsockopt(*option)
        return transport, protocol

def session():
    return aiohttp.ClientSession(connector=KeepaliveConnector())
"
            ),
        ),
        PythonLibrary::Other => Advice::new(
            "Set these on the socket. Libraries take them in their own way: requests and urllib3 as socket_options of the pool, httpx of the transport, aiohttp by TCPConnector(socket_factory=…).",
            format!(
                "\
import socket
{options}
for option in OPTIONS:
    sock.setsockopt(*option)
"
            ),
        ),
    }
}

fn options(values: KeepaliveValues) -> String {
    let KeepaliveValues {
        idle_s,
        interval_s,
        probes,
    } = values;
    format!(
        "
OPTIONS = [
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, {idle_s}),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, {interval_s}),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, {probes}),
    (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
]
"
    )
}

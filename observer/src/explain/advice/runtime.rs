//! Programs of a runtime with a network library of its own.

use super::Advice;
use crate::policy::remedy::KeepaliveValues;

/// `net.KeepAliveConfig` came with Go 1.23. Before, one number is both the first probe and the time
/// between probes, and the count is the kernel's.
pub(super) fn go(version: Option<(u32, u32)>, values: KeepaliveValues) -> Advice {
    let KeepaliveValues {
        idle_s,
        interval_s,
        probes,
    } = values;
    let keepalive = if version.is_some_and(|version| version >= (1, 23)) {
        format!(
            "KeepAliveConfig: net.KeepAliveConfig{{
\t\tEnable:   true,
\t\tIdle:     {idle_s} * time.Second,
\t\tInterval: {interval_s} * time.Second,
\t\tCount:    {probes},
\t}},"
        )
    } else {
        format!("KeepAlive: {idle_s} * time.Second,")
    };
    Advice::new(
        "Go sends keepalives unless it is told not to: look for KeepAlive: -1 or a dialer of the program's own. A listener takes the same in net.ListenConfig.",
        format!(
            "\
dialer := &net.Dialer{{
\t{keepalive}
}}
transport := http.DefaultTransport.(*http.Transport).Clone()
transport.DialContext = dialer.DialContext
client := &http.Client{{Transport: transport}}
"
        ),
    )
}

pub(super) fn java(values: KeepaliveValues) -> Advice {
    let KeepaliveValues {
        idle_s,
        interval_s,
        probes,
    } = values;
    Advice::new(
        "On the java.net.Socket (Java 11 and later; a SocketChannel takes the same); HTTP clients take a socket factory or socket options. java.net.http.HttpClient has neither.",
        format!(
            "\
socket.setKeepAlive(true);
socket.setOption(jdk.net.ExtendedSocketOptions.TCP_KEEPIDLE, {idle_s});
socket.setOption(jdk.net.ExtendedSocketOptions.TCP_KEEPINTERVAL, {interval_s});
socket.setOption(jdk.net.ExtendedSocketOptions.TCP_KEEPCOUNT, {probes});
"
        ),
    )
}

/// The agent's keepAlive set it only on a socket that waits in the pool (nodejs/node#41965); Node 20
/// does from the first request on, every second.
pub(super) fn node(values: KeepaliveValues) -> Advice {
    let idle_ms = values.idle_s * 1000;
    Advice::new(
        "On the socket of each request: in older versions the agent's keepAlive option reaches only sockets that wait in the pool. The time between probes is Node's own, 1 s.",
        format!("request.on('socket', (socket) => socket.setKeepAlive(true, {idle_ms}));\n"),
    )
}

pub(super) fn dotnet(values: KeepaliveValues) -> Advice {
    let KeepaliveValues {
        idle_s,
        interval_s,
        probes,
    } = values;
    Advice::new(
        "In the handler of the HttpClient (.NET 5 and later).",
        format!(
            "\
var handler = new SocketsHttpHandler {{
    ConnectCallback = async (context, cancel) => {{
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) {{ NoDelay = true }};
        socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, true);
        socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveTime, {idle_s});
        socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveInterval, {interval_s});
        socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveRetryCount, {probes});
        await socket.ConnectAsync(context.DnsEndPoint, cancel);
        return new NetworkStream(socket, ownsSocket: true);
    }}
}};
var client = new HttpClient(handler);
"
        ),
    )
}

//! Programs that set socket options themselves.

use super::Advice;
use crate::policy::remedy::KeepaliveValues;

pub(super) fn c(values: KeepaliveValues) -> Advice {
    let KeepaliveValues {
        idle_s,
        interval_s,
        probes,
    } = values;
    Advice::new(
        "Set these on the socket, before or after connect (netinet/in.h, netinet/tcp.h, sys/socket.h).",
        format!(
            "\
int on = 1, idle = {idle_s}, interval = {interval_s}, probes = {probes};
setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof interval);
setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
"
        ),
    )
}

pub(super) fn libcurl(values: KeepaliveValues) -> Advice {
    let KeepaliveValues {
        idle_s, interval_s, ..
    } = values;
    Advice::new(
        "libcurl sends none unless it is told; bindings have the same options (pycurl, PHP curl_setopt).",
        format!(
            "\
curl_easy_setopt(curl, CURLOPT_TCP_KEEPALIVE, 1L);
curl_easy_setopt(curl, CURLOPT_TCP_KEEPIDLE, {idle_s}L);
curl_easy_setopt(curl, CURLOPT_TCP_KEEPINTVL, {interval_s}L);
"
        ),
    )
}

pub(super) fn rust(values: KeepaliveValues) -> Advice {
    let KeepaliveValues {
        idle_s,
        interval_s,
        probes,
    } = values;
    Advice::new(
        "With the crate socket2 (feature all), for a std, tokio or other stream; reqwest and hyper-util have tcp_keepalive.",
        format!(
            "\
let keepalive = socket2::TcpKeepalive::new()
    .with_time(std::time::Duration::from_secs({idle_s}))
    .with_interval(std::time::Duration::from_secs({interval_s}))
    .with_retries({probes});
socket2::SockRef::from(&stream).set_tcp_keepalive(&keepalive)?;
"
        ),
    )
}

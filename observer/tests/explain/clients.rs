//! Well-known clients: how each is started and what it needs, as people write it and with the change
//! that observer prints.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use super::programs::{Workshop, build};
use crate::kit::require::{Need, PYTHON, require};

/// A client, without and with a change. `None` where what it needs is not installed.
pub(crate) struct Client {
    /// As observer names it; the version of Go is left out.
    pub(crate) program: &'static str,
    pub(crate) is_there: fn() -> bool,
    /// The command that waits, given the change, if there is one.
    pub(crate) command: fn(&Workshop, SocketAddr, Option<&str>) -> Vec<String>,
    /// First probe and time between probes in seconds, and probes, once changed. `None` is the
    /// client's own choice.
    pub(crate) values: (u32, Option<u32>, Option<u32>),
}

const SYSTEM: Option<u32> = Some(9);

pub(crate) fn clients() -> Vec<Client> {
    let python = (60, Some(15), Some(4));
    let client = |program, is_there, command, values| Client {
        program,
        is_there,
        command,
        values,
    };
    vec![
        client("curl", || has("curl"), curl, (60, Some(60), SYSTEM)),
        client(
            "wget",
            || has("wget") && has("curl"),
            wget,
            (60, Some(60), SYSTEM),
        ),
        client("libpq", || has("psql"), psql, (60, Some(15), Some(4))),
        client(
            "Python requests",
            || has_library("requests"),
            requests,
            python,
        ),
        client("Python urllib3", || has_library("urllib3"), urllib3, python),
        client("Python httpx", || has_library("httpx"), httpx, python),
        client("Python aiohttp", || has_library("aiohttp"), aiohttp, python),
        client("Python", || has(PYTHON), http_client, python),
        client("Go", || has("go"), go, (60, None, None)),
        client(
            "Java",
            || has("java") && has("javac"),
            java,
            (60, Some(15), Some(4)),
        ),
        client("Node.js", || has("node"), node, (60, None, None)),
        client(
            "libcurl",
            || has("cc") && has("curl-config"),
            libcurl,
            (60, Some(15), SYSTEM),
        ),
        client("unknown", || has("cc"), c, (60, Some(15), Some(4))),
        client("Rust", || has("rustc"), rust, (60, Some(15), Some(4))),
    ]
}

fn has(program: &'static str) -> bool {
    require([Need::Program(program)])
}

fn has_library(library: &'static str) -> bool {
    require([Need::PythonLibrary(library)])
}

fn words(command: &[&str]) -> Vec<String> {
    command.iter().map(|word| (*word).to_owned()).collect()
}

fn shell(command: &str) -> Vec<String> {
    words(&["sh", "-c", &format!("cd /tmp && exec {command}")])
}

fn curl(_: &Workshop, to: SocketAddr, change: Option<&str>) -> Vec<String> {
    let url = format!("http://{to}/");
    let plain = "curl --no-keepalive URL";
    shell(
        &change
            .unwrap_or(plain)
            .replace("URL", &url)
            .replace("curl ", "curl -sS "),
    )
}

fn wget(_: &Workshop, to: SocketAddr, change: Option<&str>) -> Vec<String> {
    let url = format!("http://{to}/file");
    shell(
        &change
            .unwrap_or("wget -qO /dev/null URL")
            .replace("URL", &url),
    )
}

fn psql(_: &Workshop, to: SocketAddr, change: Option<&str>) -> Vec<String> {
    let plain = "psql \"host=HOST dbname=NAME keepalives=0\"";
    let there = format!(
        "host={} port={} user=nobody sslmode=disable",
        to.ip(),
        to.port()
    );
    shell(
        &change
            .unwrap_or(plain)
            .replace("host=HOST", &there)
            .replace("NAME", "none"),
    )
}

/// A script that begins with the change.
fn python(shop: &Workshop, to: SocketAddr, name: &str, script: &str) -> Vec<String> {
    let (host, port) = (to.ip(), to.port());
    let head = format!("URL = 'http://{to}/'\nHOST, PORT = '{host}', {port}\n");
    words(&[PYTHON, &shop.write(name, &(head + script))])
}

fn requests(shop: &Workshop, to: SocketAddr, change: Option<&str>) -> Vec<String> {
    match change {
        None => python(
            shop,
            to,
            "plain_requests.py",
            "import requests\nrequests.get(URL, timeout=500)\n",
        ),
        Some(change) => python(
            shop,
            to,
            "changed_requests.py",
            &format!("{change}session.get(URL)\n"),
        ),
    }
}

fn urllib3(shop: &Workshop, to: SocketAddr, change: Option<&str>) -> Vec<String> {
    let plain = "import urllib3\nurllib3.PoolManager().request('GET', URL)\n";
    match change {
        None => python(shop, to, "plain_urllib3.py", plain),
        Some(change) => python(
            shop,
            to,
            "changed_urllib3.py",
            &format!("{change}pool.request('GET', URL)\n"),
        ),
    }
}

/// The change for an httpx without socket options has the request in it.
fn httpx(shop: &Workshop, to: SocketAddr, change: Option<&str>) -> Vec<String> {
    let plain = "import httpx\nhttpx.get(URL, timeout=None)\n";
    match change {
        None => python(shop, to, "plain_httpx.py", plain),
        Some(change) => python(
            shop,
            to,
            "changed_httpx.py",
            &format!("{change}client.get(URL)\n"),
        ),
    }
}

fn aiohttp(shop: &Workshop, to: SocketAddr, change: Option<&str>) -> Vec<String> {
    let plain = "import aiohttp\ndef session():\n    return aiohttp.ClientSession()\n";
    let request = "
import asyncio
async def main():
    async with session() as client:
        async with client.get(URL) as response:
            await response.read()
asyncio.run(main())
";
    let name = if change.is_some() {
        "changed_aiohttp.py"
    } else {
        "plain_aiohttp.py"
    };
    python(
        shop,
        to,
        name,
        &(change.unwrap_or(plain).to_owned() + request),
    )
}

fn http_client(shop: &Workshop, to: SocketAddr, change: Option<&str>) -> Vec<String> {
    let plain = "import http.client\nconnection = http.client.HTTPConnection(HOST, PORT)\nconnection.request('GET', '/')\nconnection.getresponse()\n";
    let connect = "import socket\nsock = socket.create_connection((HOST, PORT))\n";
    match change {
        None => python(shop, to, "plain_http.py", plain),
        Some(change) => python(
            shop,
            to,
            "changed_http.py",
            &format!("{connect}{change}sock.recv(1)\n"),
        ),
    }
}

fn go(shop: &Workshop, to: SocketAddr, change: Option<&str>) -> Vec<String> {
    let plain = "dialer := &net.Dialer{KeepAlive: -1 * time.Second}
transport := http.DefaultTransport.(*http.Transport).Clone()
transport.DialContext = dialer.DialContext
client := &http.Client{Transport: transport}
";
    let body = change.unwrap_or(plain);
    let source = format!(
        "package main\nimport (\n\"net\"\n\"net/http\"\n\"os\"\n\"time\"\n)\nfunc main() {{\n{body}client.Get(os.Args[1])\n_ = time.Second\n}}\n"
    );
    let name = if change.is_some() {
        "changed-go"
    } else {
        "plain-go"
    };
    let (source, program) = (
        shop.write(&format!("{name}/main.go"), &source),
        shop.output(&format!("{name}/program")),
    );
    build(Command::new("go").args(["build", "-o", &program, &source]));
    words(&[&program, &format!("http://{to}/")])
}

fn java(shop: &Workshop, to: SocketAddr, change: Option<&str>) -> Vec<String> {
    let body = change.unwrap_or_default();
    let source = format!(
        "class Main {{ public static void main(String[] a) throws Exception {{
var socket = new java.net.Socket(a[0], Integer.parseInt(a[1]));
{body}
socket.getInputStream().read();
}} }}\n"
    );
    let folder = if change.is_some() {
        "changed-java"
    } else {
        "plain-java"
    };
    let source = shop.write(&format!("{folder}/Main.java"), &source);
    words(&[
        "java",
        "-Xshare:auto",
        "-XX:TieredStopAtLevel=1",
        &source,
        &to.ip().to_string(),
        &to.port().to_string(),
    ])
}

/// The default agent of Node 19 and later sends a keepalive every second.
fn node(shop: &Workshop, to: SocketAddr, change: Option<&str>) -> Vec<String> {
    let body = change.unwrap_or_default();
    let source = format!(
        "const http = require('http');\nconst request = http.get('http://{to}/', {{ agent: new http.Agent() }});\n{body}"
    );
    let name = if change.is_some() {
        "changed.js"
    } else {
        "plain.js"
    };
    words(&["node", &shop.write(name, &source)])
}

fn compile_c(shop: &Workshop, name: &str, source: &str, libraries: &[&str]) -> String {
    let (source, program) = (shop.write(&format!("{name}.c"), source), shop.output(name));
    build(
        Command::new("cc")
            .args(["-o", &program, &source])
            .args(libraries),
    );
    program
}

fn c(shop: &Workshop, to: SocketAddr, change: Option<&str>) -> Vec<String> {
    let body = change.unwrap_or_default();
    let source = format!(
        "#include <arpa/inet.h>\n#include <netinet/in.h>\n#include <netinet/tcp.h>\n#include <stdlib.h>\n#include <sys/socket.h>\n#include <unistd.h>
int main(int argc, char **argv) {{
int fd = socket(AF_INET, SOCK_STREAM, 0);
{body}
struct sockaddr_in to = {{ .sin_family = AF_INET, .sin_port = htons(atoi(argv[2])) }};
inet_aton(argv[1], &to.sin_addr);
if (connect(fd, (struct sockaddr *)&to, sizeof to)) return 1;
char byte;
return read(fd, &byte, 1);
}}\n"
    );
    let name = if change.is_some() {
        "changed-c"
    } else {
        "plain-c"
    };
    words(&[
        &compile_c(shop, name, &source, &[]),
        &to.ip().to_string(),
        &to.port().to_string(),
    ])
}

fn libcurl(shop: &Workshop, to: SocketAddr, change: Option<&str>) -> Vec<String> {
    let body = change.unwrap_or_default();
    let source = format!(
        "#include <curl/curl.h>
int main(int argc, char **argv) {{
CURL *curl = curl_easy_init();
curl_easy_setopt(curl, CURLOPT_URL, argv[1]);
{body}
return curl_easy_perform(curl);
}}\n"
    );
    let name = if change.is_some() {
        "changed-libcurl"
    } else {
        "plain-libcurl"
    };
    words(&[
        &compile_c(shop, name, &source, &["-lcurl"]),
        &format!("http://{to}/"),
    ])
}

/// With the socket2 that this test was built with.
fn rust(shop: &Workshop, to: SocketAddr, change: Option<&str>) -> Vec<String> {
    let body = change.unwrap_or_default();
    let source = format!(
        "use std::io::Read;
fn main() -> std::io::Result<()> {{
let mut stream = std::net::TcpStream::connect(std::env::args().nth(1).unwrap())?;
{body}
stream.read(&mut [0])?;
Ok(())
}}\n"
    );
    let name = if change.is_some() {
        "changed-rust"
    } else {
        "plain-rust"
    };
    let (source, program) = (
        shop.write(&format!("{name}.rs"), &source),
        shop.output(name),
    );
    let built = std::env::current_exe().unwrap();
    let folder = built.parent().unwrap();
    let mut command = Command::new("rustc");
    command.current_dir(env!("CARGO_MANIFEST_DIR"));
    command.args(["--edition", "2024", "-o", &program, &source]);
    if change.is_some() {
        command
            .arg("-L")
            .arg(format!("dependency={}", folder.display()));
        command
            .arg("--extern")
            .arg(format!("socket2={}", newest_socket2(folder).display()));
    }
    build(&mut command);
    words(&[&program, &to.to_string()])
}

fn newest_socket2(folder: &Path) -> PathBuf {
    let built = |path: &PathBuf| {
        path.metadata()
            .and_then(|m| m.modified())
            .unwrap_or(SystemTime::UNIX_EPOCH)
    };
    let entries = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let is_socket2 = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        name.starts_with("libsocket2-") && name.ends_with(".rlib")
    };
    entries.filter(is_socket2).max_by_key(built).unwrap()
}

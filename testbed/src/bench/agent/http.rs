//! As little of an HTTP client as a scraper needs.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use anyhow::{Context as _, Result, bail};

/// A connection that is kept for one request after the other.
pub(crate) struct Client {
    stream: BufReader<TcpStream>,
}

pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) content_type: String,
    pub(crate) is_gzip: bool,
    pub(crate) body: Vec<u8>,
}

/// Longer than the server takes for anything.
const PATIENCE: Duration = Duration::from_secs(40);
const LARGEST_BODY: usize = 64 << 20;

impl Client {
    pub(crate) fn connect(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).context("cannot connect to the agent")?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self {
            stream: BufReader::new(stream),
        })
    }

    pub(crate) fn get(&mut self, path: &str, headers: &[(&str, &str)]) -> Result<Response> {
        let mut request = format!("GET {path} HTTP/1.1\r\nHost: bench\r\n");
        for (name, value) in headers {
            request += &format!("{name}: {value}\r\n");
        }
        request += "\r\n";
        self.stream.get_mut().write_all(request.as_bytes())?;
        self.response()
    }

    /// Reads the next answer.
    fn response(&mut self) -> Result<Response> {
        let mut line = String::new();
        self.line(&mut line)?;
        let status = line.split(' ').nth(1).and_then(|code| code.parse().ok());
        let mut response = Response {
            status: status.with_context(|| format!("no status in {line:?}"))?,
            content_type: String::new(),
            is_gzip: false,
            body: Vec::new(),
        };
        let mut length = None;
        let mut is_chunked = false;
        loop {
            self.line(&mut line)?;
            let Some((name, value)) = line.trim_end().split_once(": ") else {
                break;
            };
            match name.to_ascii_lowercase().as_str() {
                "content-length" => length = value.parse::<usize>().ok(),
                "transfer-encoding" => is_chunked = value == "chunked",
                "content-type" => value.clone_into(&mut response.content_type),
                "content-encoding" => response.is_gzip = value == "gzip",
                _ => {}
            }
        }
        if is_chunked {
            self.chunks(&mut response.body)?;
        } else {
            self.more(
                &mut response.body,
                length.context("an answer of no length")?,
            )?;
        }
        Ok(response)
    }

    /// Reads a body in chunks, each with its length.
    fn chunks(&mut self, body: &mut Vec<u8>) -> Result<()> {
        let mut line = String::new();
        loop {
            self.line(&mut line)?;
            let length = usize::from_str_radix(line.trim_end(), 16);
            let length = length.with_context(|| format!("no length of a chunk in {line:?}"))?;
            self.more(body, length)?;
            self.line(&mut line)?;
            if length == 0 {
                return Ok(());
            }
        }
    }

    fn more(&mut self, body: &mut Vec<u8>, length: usize) -> Result<()> {
        let before = body.len();
        if length > LARGEST_BODY.saturating_sub(before) {
            bail!("an answer of {length} bytes more than {before}");
        }
        body.resize(before + length, 0);
        if let Some(more) = body.get_mut(before..) {
            self.stream.read_exact(more)?;
        }
        Ok(())
    }

    fn line(&mut self, line: &mut String) -> Result<()> {
        line.clear();
        if self.stream.read_line(line)? == 0 {
            bail!("the agent closed the connection");
        }
        Ok(())
    }
}

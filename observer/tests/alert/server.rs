//! A server on loopback that answers POSTs as it was told, well or badly.

use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use tokio_rustls::rustls::{ServerConfig, ServerConnection, StreamOwned};

/// Treatment of one connection.
#[derive(Debug, Clone)]
pub enum Answer {
    /// This status, and this body.
    Status(u16, &'static str),
    /// Nothing, and the connection stays open.
    Hang,
    /// These bytes, then the end.
    Raw(&'static [u8]),
    /// This status, and a body of which a byte comes now and then, for ever.
    Endless(u16),
}

/// A request as it came.
#[derive(Debug)]
pub struct Posted {
    /// The first line.
    pub line: String,
    /// The others of the head, names in small letters.
    pub headers: Vec<String>,
    /// The body.
    pub alerts: serde_json::Value,
}

/// Answers connections in their order; the last answer stands for all further ones.
#[derive(Debug)]
pub struct Server {
    pub address: SocketAddr,
    posted: Receiver<Posted>,
}

trait Stream: Read + Write + Send {}

impl<T: Read + Write + Send> Stream for T {}

impl Server {
    pub fn start(answers: &[Answer]) -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").unwrap(), answers, None)
    }

    pub fn on(listener: TcpListener, answers: &[Answer], tls: Option<Arc<ServerConfig>>) -> Self {
        let address = listener.local_addr().unwrap();
        let (sender, posted) = channel();
        let answers = answers.to_vec();
        std::thread::spawn(move || {
            let last = answers.last().cloned().unwrap();
            let answers = answers.into_iter().chain(std::iter::repeat(last));
            for (stream, answer) in listener.incoming().zip(answers) {
                let (sender, tls) = (sender.clone(), tls.clone());
                let stream = stream.unwrap();
                std::thread::spawn(move || {
                    let stream: Box<dyn Stream> = match tls {
                        Some(config) => Box::new(StreamOwned::new(
                            ServerConnection::new(config).unwrap(),
                            stream,
                        )),
                        None => Box::new(stream),
                    };
                    // A client that has gone is what some tests are about.
                    drop(serve(stream, &answer, &sender));
                });
            }
        });
        Self { address, posted }
    }

    pub fn url(&self, rest: &str) -> String {
        format!("http://{}{rest}", self.address)
    }

    /// The next request.
    pub fn next(&self) -> Posted {
        self.posted.recv_timeout(Duration::from_secs(20)).unwrap()
    }

    /// Asserts that none comes.
    pub fn none_for(&self, time: Duration) {
        let posted = self.posted.recv_timeout(time);
        assert!(posted.is_err(), "{posted:?}");
    }
}

fn serve(stream: Box<dyn Stream>, answer: &Answer, posted: &Sender<Posted>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let line = line.trim_end().to_owned();
        if line.is_empty() {
            break;
        }
        lines.push(line);
    }
    if lines.is_empty() {
        return Ok(());
    }
    let line = lines.remove(0);
    let headers: Vec<String> = lines
        .iter()
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| format!("{}: {value}", name.to_lowercase()))
        .collect();
    let length = headers
        .iter()
        .find_map(|h| h.strip_prefix("content-length: "));
    let mut body = vec![0; length.unwrap().parse().unwrap()];
    reader.read_exact(&mut body)?;
    let alerts = serde_json::from_slice(&body).unwrap();
    drop(posted.send(Posted {
        line,
        headers,
        alerts,
    }));
    let mut stream = reader.into_inner();
    match answer {
        Answer::Status(status, body) => write!(
            stream,
            "HTTP/1.1 {status} x\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
            body.len()
        ),
        Answer::Hang => {
            std::thread::sleep(Duration::from_secs(60));
            Ok(())
        }
        Answer::Raw(bytes) => stream.write_all(bytes),
        Answer::Endless(status) => {
            write!(stream, "HTTP/1.1 {status} x\r\n\r\n")?;
            loop {
                stream.write_all(b"z")?;
                stream.flush()?;
                std::thread::sleep(Duration::from_millis(20));
            }
        }
    }?;
    stream.flush()
}

//! Long help: what does not fit into a line.

pub(super) const WATCH_MORE: &str = "\
Keys: arrows, j, k, PgUp, PgDn, Home, End, G move; Enter explains a socket or opens a group, Esc goes
back; / searches, n and N go on; f filters by the flags below; s sorts by danger, quiet, idle, pid,
remote; g groups by process, unit, remote; space pauses; e shows events only; ? helps; q quits.

Without a terminal, each line is a time (UTC), what the health was and is, whose socket, its ends,
how long it was quiet, the path limit, keepalive and timer. Connections that are
not ok at the first scan have a line then.

Scans take at most a thirtieth of a CPU: with very many sockets they are further apart than
--interval, and the first line says how old the last is.

Exit codes:
  0  done (q, --for is over, a closed pipe, Ctrl-C and SIGTERM too)
  1  it could not be done
  2  the command line is wrong

Examples:
  sudo observer watch
  sudo observer watch --port 5432 --path 4m
  observer watch --health stale --health at-risk --for 10m | tee changes.log";

pub(super) const EXPLAIN_MORE: &str = "\
Without a selection, and where several sockets match, the most dangerous is explained.

Layers, in the order in which a request meets them, each with how long it waits and what says so:
  name lookup  nameservers that do not answer: resolv.conf of the process, as its resolver uses it
  connect      SYNs without an answer: TCP_SYNCNT or tcp_syn_retries, TCP_USER_TIMEOUT
  write        data without an acknowledgement: tcp_retries2 and the RTO, TCP_USER_TIMEOUT
  read         no data: SO_RCVTIMEO of a blocking socket; else the kernel sets no limit
  keepalive    a silent connection whose peer is gone: the time until it is noticed
  path         the silence after which a middlebox forgets the connection
  one request  all waits up to the first byte of the answer

no limit is a wait that the kernel does not end; a program may have a timer of its own, which is
not seen. ? is a value that this host, kernel or permission cannot give.

Then what will happen to the connection as it stands, and what to change in its program, if the
connection is late or unprotected.

Exit codes:
  0  done (a closed pipe and Ctrl-C too)
  1  it could not be done, or no socket matches
  2  the command line is wrong

Examples:
  observer explain                              # the most dangerous connection of this host
  observer explain --pid 812 --remote 203.0.113.9
  observer explain --cookie 4711 -o json | jq '.ladder[] | select(.unlimited)'
  observer explain --comm 'java*' -o json | jq -r .change.snippet";

pub(super) const DOCTOR_MORE: &str = "\
Everything is tried, and detached again: the iterators, each hook in each of its ways, sock_diag,
the network namespaces. Marks:
  ok    it is there
  note  it is not, and nothing is unknown through that
  LOST  it is not, and something is unknown or not seen: what, and what to do, is in the next lines
  ?     it could not be found out

The first line names the most important thing that is missing. --scan and --hooks force a way, as
for the other commands, and count: what is lost to them is unknown too.

Exit codes:
  0  nothing is unknown on this host (Ctrl-C too)
  1  something is, or it could not be done
  2  the command line is wrong

Examples:
  observer doctor
  observer doctor --hooks trampoline
  observer doctor -o json | jq '.checks[] | select(.lost)'
  observer doctor --profiles";

pub(super) const AGENT_MORE: &str = "\
Served over HTTP:
  /                status page
  /metrics         Prometheus metrics
  /api/v1/sockets  every socket as JSON; parameters as the flags of list that select
  /-/healthy       the agent serves
  /-/ready         it has looked at the host lately

Signals:
  SIGHUP           reads the configuration again; a bad one changes nothing
  SIGTERM, SIGINT  end the agent within a second

Exit codes:
  0  ended by a signal, or --check found nothing wrong
  1  it cannot start, the configuration is wrong, or it had to end
  2  the command line is wrong

Examples:
  observer agent --check --config /etc/observer/config.toml
  observer agent --path azure-lb --listen 127.0.0.1:9787
  curl -s http://127.0.0.1:9787/metrics
  curl -s 'http://127.0.0.1:9787/api/v1/sockets?health=at-risk&health=stale'";

pub(super) const TRACE_PID: &str = "Process that acted or opened the connection [repeatable, as all of these: values of one flag are or-ed, flags are and-ed]";
pub(super) const TRACE_COMM: &str =
    "Name of a process that acted or opened the connection; * and ? are wildcards";
pub(super) const TRACE_COMM_LONG: &str = "\
Name of a process that acted or opened the connection; * and ? are wildcards

The kernel keeps 15 bytes of a name; a longer one without wildcards is cut to match.";
pub(super) const TRACE_ALL: &str =
    "Nothing more: sockets in every state are selected, unless --state is given";

pub(super) const TRACE_MORE: &str = "\
Kinds of events:
  set     SO_KEEPALIVE, TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT or TCP_USER_TIMEOUT was set, or
          an attempt failed: what was asked, what the kernel made of it
  opened  a connection was established, by connect or accept
  probe   a keepalive probe left: how many before it are unanswered, how long it was quiet
  closed  a connection or an attempt to connect ended: why, how long it was quiet, how old it was
  lost    so many events did not fit into the queue

An event is selected by its socket as it stood then, and by its processes. Sockets in every state
are selected, listeners and those not yet connected too, unless --state says otherwise.

Exit codes:
  0  done (--for is over, a closed pipe, Ctrl-C and SIGTERM too)
  1  it could not be done
  2  the command line is wrong

Examples:
  observer trace --comm 'python*'
  observer trace --port 5432 --for 10m
  observer trace -o jsonl | jq 'select(.kind == \"set\" and .errno != 0)'
  observer trace -o jsonl | jq 'select(.cause == \"keepalive_timeout\") | .owner.comm'";

pub(super) const LIST_MORE: &str = "\
Verdicts:
  protected    keepalive is on; its idle time and interval are below the path limit
  late         keepalive is on, and one of them is not below it
  unprotected  keepalive is off
  exempt       there is no path limit, or the socket is not connected

Health, the first that holds:
  retransmitting  data in flight was sent again
  probing         a keepalive probe is unanswered
  stale           late or unprotected, and quiet for as long as the path limit
  at-risk         late or unprotected, and quiet for half of it
  ok              none of these

Exit codes:
  0  done (a closed pipe and Ctrl-C too)
  1  it could not be done
  2  the command line is wrong
  3  --fail-on matched a socket

Examples:
  observer list --path azure-lb --verdict unprotected --verdict late
  observer list --comm 'python*' --remote 10.0.0.0/8 --min-quiet 2m
  observer list -o json --pid 812 | jq '.sockets[].keepalive'
  observer list --fail-on stale --fail-on at-risk > /dev/null || echo connections will hang";

//! Alerts: groups of sockets in danger, and where they are reported.

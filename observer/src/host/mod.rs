//! Facts on this host that need neither eBPF nor sock_diag: network namespaces and their
//! addresses, processes and their control groups.


"""When, not what: the daemon, its jobs, the command line and HTTP. The only place that builds things from settings."""

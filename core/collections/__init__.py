"""From overdue to collected: the case of a client that may be handed to an agency, its checks, evidence and placement. Pure."""

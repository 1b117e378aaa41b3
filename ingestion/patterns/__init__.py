"""Templates of messages: the pure part, without Django."""

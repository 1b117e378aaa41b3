"""From bytes to rows: pure functions that import no Django."""

"""An independent student for the system Claim, written from docs/PROTOCOL.md alone."""

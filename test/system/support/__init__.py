"""What the system tests share: starting the programs, talking to them, data to send."""

"""Flow, skew and the score made of them: definitions 5 to 7. Frames and arrays in, frames out, no I/O."""

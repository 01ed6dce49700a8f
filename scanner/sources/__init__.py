"""Where chains come from: one file per vendor behind the protocols of `base`."""

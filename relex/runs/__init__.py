"""Many runs: a queue on this machine or on a cluster, how long it takes, and what of it is published."""

"""Kill storms: real processes, killed without warning under load, then every ledger checked against the store."""

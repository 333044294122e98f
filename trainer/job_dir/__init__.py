"""The directory of a job: what is written there, set aside, and gone on with."""

"""The propensity job: how likely is each row of class 1? Options, and a module a mode."""

"""Command lines: flags as data, one dialect for all commands, sentences in place of tracebacks.

- `flag.py`: what a flag is, and what groups of them say
- `values.py`: from a flag's text to its value
- `common.py`: the flags that several commands have, declared once
- `parser.py`: how they are parsed
- `ending.py`: how a command ends, whatever happens
"""

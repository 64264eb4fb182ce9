"""The table of code style: what each stage of a project asks for, the checks, and how a project goes up a stage."""

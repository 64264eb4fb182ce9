"""Many trainings as one: members that differ in numbers only share each operation, their parameters stacked."""

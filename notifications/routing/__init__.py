"""Which changes are told where: conditions in pure Python, the plan that they make, and its simulation."""

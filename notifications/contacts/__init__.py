"""How people are reached: the kinds of contacts, and the hours in which they are left in peace."""

"""The log store on PostgreSQL: partitions by retention class and day, binary writes, one vetted search
function.
"""

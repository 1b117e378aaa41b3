"""What the product does in a second, beside the usual way and beside the limit, in the same run."""

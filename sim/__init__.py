"""What stands in for a chip: the golden model, the float reference and the compiled RTL."""
